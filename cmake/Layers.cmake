# SPDX-License-Identifier: Apache-2.0
# The floors of the house: what each folder of src/ may stand on. A folder not listed in a line cannot be included
# from it (see EntenteModule.cmake). Read top to bottom, the list is the architecture.
set(ENTENTE_FLOOR_core)
set(ENTENTE_FLOOR_json            core)
set(ENTENTE_FLOOR_crypto          core json)
set(ENTENTE_FLOOR_merkle          core)
set(ENTENTE_FLOOR_fingerprint     core)
set(ENTENTE_FLOOR_media           core)
# Exact search in Hamming space: fingerprints near a fingerprint. No store, no network; its own files only.
set(ENTENTE_FLOOR_hamming         core fingerprint)
set(ENTENTE_FLOOR_store           core)
set(ENTENTE_FLOOR_bus             core)
set(ENTENTE_FLOOR_http            core json)

# The pure heart: regimes, steps, regions, clocks, safeguards. No I/O, no store, no network.
set(ENTENTE_FLOOR_acts            core json crypto)

# Capabilities. They do not include each other sideways; they meet in acts, in the outbox or in an interface.
set(ENTENTE_FLOOR_identity        core json crypto store http)
set(ENTENTE_FLOOR_ledger          core json crypto merkle store http)
set(ENTENTE_FLOOR_matching        core json crypto fingerprint hamming media store http)
# A face for those who come from HMA: its routes and shapes over our banks.
set(ENTENTE_FLOOR_matching_hma    core json fingerprint hamming media store http matching)
set(ENTENTE_FLOOR_effects         core json store bus)
# Case work: the repository, service and routes of acts, on top of the pure heart.
set(ENTENTE_FLOOR_dossier         core json crypto store bus http acts identity ledger effects)
set(ENTENTE_FLOOR_exchange        core json crypto store http acts identity ledger effects dossier)
set(ENTENTE_FLOOR_effects_site    core json crypto store http effects)

# Adapters implement one port each and are seen by app only.
set(ENTENTE_FLOOR_adapters_sqlite core store)

set(ENTENTE_FLOOR_app             core json crypto merkle fingerprint hamming media store bus http acts identity
                                  ledger matching matching_hma effects effects_site dossier exchange adapters_sqlite)

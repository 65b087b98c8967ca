// SPDX-License-Identifier: Apache-2.0
//
// C2SP signed notes and verifier keys: form, and opening with a key that signed none of them.
#include "entente/crypto/note.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto key = crypto::NoteKey::parse(text)) {
    fuzz::promise(crypto::NoteKey::parse(key->vkey()).value() == *key);
    fuzz::promise(!crypto::open_note(text, {&*key, 1}).has_value());
  }
  if (const auto line = crypto::NoteSignature::parse_line(text)) {
    fuzz::promise(crypto::NoteSignature::parse_line(line->line()).has_value());
  }
  const auto note = crypto::parse_note(text);
  if (note) {
    fuzz::promise(text.starts_with(note->text) && note->text.ends_with('\n'));
    fuzz::promise(note->signatures.size() <= crypto::kMaxNoteSignatures);
  }
  fuzz::promise(!crypto::open_note(text, {}).has_value());
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// For tests: a new folder for database files, removed with everything in it.
#pragma once

#include "entente/core/test_folder.h"

namespace entente::sqlite {

using entente::TestFolder;

}  // namespace entente::sqlite

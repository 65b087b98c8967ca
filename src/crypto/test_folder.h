// SPDX-License-Identifier: Apache-2.0
//
// A folder for one test, gone with it. Tests only.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "entente/core/bytes.h"
#include "entente/core/test_folder.h"

namespace entente::crypto {

class TestFolder : public entente::TestFolder {
 public:
  void write(std::string_view name, ByteView bytes, mode_t mode = 0600) const {
    const auto path = *this / name;
    std::ofstream(path, std::ios::binary)
        .write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
  }
  Bytes read(std::string_view name) const {
    std::ifstream in(*this / name, std::ios::binary);
    EXPECT_TRUE(in) << name;
    return to_bytes(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  mode_t mode(std::string_view name) const {
    struct stat info {};
    EXPECT_EQ(::stat((*this / name).c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path()), {}));
  }
};

}  // namespace entente::crypto

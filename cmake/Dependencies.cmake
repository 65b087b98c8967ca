# SPDX-License-Identifier: Apache-2.0
# Third-party libraries, all from Debian 12 (scripts/lib.sh names the packages).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)  # and ZLIB::ZLIB, under it
find_package(GIF REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED) # its pkg-config file asks for -pthread, which precompiled headers do not bear
pkg_check_modules(HEIF REQUIRED IMPORTED_TARGET libheif libde265 dav1d)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
if(ENTENTE_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

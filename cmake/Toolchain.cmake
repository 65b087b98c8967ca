# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening, sanitizers, ccache and mold: everything that concerns how code is compiled, not what.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1")
set(CMAKE_C_FLAGS_DEV "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -D_FORTIFY_SOURCE=2")

find_program(CCACHE ccache)
if(CCACHE)
  # pch_defines etc.: without these sloppiness settings ccache refuses to cache units that use a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(entente_warnings INTERFACE)
target_compile_options(entente_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 on std::string and std::variant once inlined (gcc PR 105651, 105562, 105593); clang, which
  # compiles the same code in the asan preset, has no such trouble.
  target_compile_options(entente_warnings INTERFACE
    -Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    $<$<CONFIG:Release>:-Wno-stringop-overread>)
  # -fpch-preprocess lets ccache see through the precompiled header.
  add_compile_options(-fpch-preprocess)
endif()

if(ENTENTE_SANITIZE)
  add_compile_options(-fsanitize=${ENTENTE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ENTENTE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14's function sanitizer cannot assemble coroutines ("difference across sections").
    add_compile_options(-fno-sanitize=function)
  endif()
endif()

# One position-independence mode for libraries, executables and precompiled headers alike, or the latter are refused.
add_compile_options(-fPIE)
add_link_options(-pie)

# SPDX-License-Identifier: Apache-2.0
# One folder = one noun of the domain = one CMake target = one namespace.
#
#   entente_module(acts SRCS a.cc b.cc DEPS core json TESTS a_test.cc [TEST_DEPS …] LIBS PkgConfig::X)
#
# makes entente_acts (alias entente::acts) and, from TESTS, entente_acts_test. Its headers are published through an
# include *view*, a folder holding one link `entente/acts -> src/acts`, so `#include "entente/acts/step.h"` resolves
# only in targets that declare entente::acts among their DEPS. An undeclared include stops the build with "No such
# file or directory". The floors of cmake/Layers.cmake say which DEPS may be declared at all.
include(${CMAKE_SOURCE_DIR}/cmake/Layers.cmake)

# Two precompiled headers serve every unit: one for sources, one that adds GoogleTest.
file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cc "")
add_library(entente_pch OBJECT ${CMAKE_BINARY_DIR}/pch/pch.cc)
target_precompile_headers(entente_pch PRIVATE
  <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <span> <string>
  <string_view> <utility> <variant> <vector> <fmt/format.h> <tl/expected.hpp> <boost/json.hpp>)
target_link_libraries(entente_pch PRIVATE fmt::fmt Boost::json entente_warnings Threads::Threads)
if(ENTENTE_TESTS)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/pch_test.cc "")
  add_library(entente_pch_test OBJECT ${CMAKE_BINARY_DIR}/pch/pch_test.cc)
  target_precompile_headers(entente_pch_test PRIVATE
    <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <span> <string>
    <string_view> <utility> <variant> <vector> <fmt/format.h> <tl/expected.hpp> <boost/json.hpp>
    <gtest/gtest.h> <gmock/gmock.h>)
  target_link_libraries(entente_pch_test PRIVATE fmt::fmt Boost::json entente_warnings Threads::Threads
                        GTest::gtest GTest::gmock)
endif()

function(entente_module name)
  cmake_parse_arguments(M "" "DIR" "SRCS;DEPS;TESTS;TEST_DEPS;LIBS;TEST_LIBS" ${ARGN})
  set(dir ${CMAKE_CURRENT_SOURCE_DIR})
  file(RELATIVE_PATH rel ${CMAKE_SOURCE_DIR}/src ${dir})
  string(REPLACE "/" "_" id ${rel})
  set(target entente_${id})

  foreach(dep IN LISTS M_DEPS)
    if(NOT dep IN_LIST ENTENTE_FLOOR_${id})
      message(FATAL_ERROR "src/${rel} may not depend on ${dep}: not on a floor below it (cmake/Layers.cmake)")
    endif()
  endforeach()

  set(view ${CMAKE_BINARY_DIR}/include/${id})
  get_filename_component(parent ${rel} DIRECTORY)
  file(MAKE_DIRECTORY ${view}/entente/${parent})
  file(CREATE_LINK ${dir} ${view}/entente/${rel} SYMBOLIC)

  add_library(${target} STATIC ${M_SRCS})
  add_library(entente::${id} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${view})
  target_link_libraries(${target} PRIVATE entente_warnings PUBLIC fmt::fmt Boost::json Threads::Threads)
  foreach(dep IN LISTS M_DEPS)
    target_link_libraries(${target} PUBLIC entente::${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE ${M_LIBS})
  target_precompile_headers(${target} REUSE_FROM entente_pch)

  if(ENTENTE_TESTS AND M_TESTS)
    add_executable(${target}_test ${M_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} entente_warnings GTest::gtest GTest::gmock
                          GTest::gtest_main ${M_TEST_LIBS})
    foreach(dep IN LISTS M_TEST_DEPS)
      target_link_libraries(${target}_test PRIVATE entente::${dep})
    endforeach()
    target_compile_definitions(${target}_test PRIVATE
      ENTENTE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" ENTENTE_SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared"
      ENTENTE_BINARY_DIR="${CMAKE_BINARY_DIR}")
    target_precompile_headers(${target}_test REUSE_FROM entente_pch_test)
    add_test(NAME ${id} COMMAND ${target}_test --gtest_brief=1)
    set_tests_properties(${id} PROPERTIES LABELS unit TIMEOUT 300)
    set_property(GLOBAL APPEND PROPERTY ENTENTE_UNIT_TESTS ${target}_test)
  endif()
endfunction()

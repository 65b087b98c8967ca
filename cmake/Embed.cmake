# SPDX-License-Identifier: Apache-2.0
# entente_embed(TARGET target NAMESPACE ns::name FILES a b …)
# Compiles small text files into the binary, so that one file is all a node needs. The generated header declares
#   namespace ns::name { struct File { std::string_view name, text; }; std::span<const File> files(); }
function(entente_embed)
  cmake_parse_arguments(E "" "TARGET;NAMESPACE;HEADER" "FILES" ${ARGN})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/embed)
  set(cc ${dir}/${E_HEADER}.cc)
  set(h ${dir}/${E_HEADER}.h)
  add_custom_command(
    OUTPUT ${cc} ${h}
    COMMAND ${CMAKE_COMMAND} -DOUT_CC=${cc} -DOUT_H=${h} -DNS=${E_NAMESPACE} "-DFILES=${E_FILES}"
            -DHEADER=${E_HEADER}.h -P ${CMAKE_SOURCE_DIR}/cmake/EmbedRun.cmake
    DEPENDS ${E_FILES} ${CMAKE_SOURCE_DIR}/cmake/EmbedRun.cmake
    VERBATIM)
  target_sources(${E_TARGET} PRIVATE ${cc} ${h})
  set_source_files_properties(${cc} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_include_directories(${E_TARGET} PRIVATE ${dir})
endfunction()

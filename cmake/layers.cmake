# Folders may include only what lies below them; the build fails otherwise.
add_custom_target(gmem_layers ALL
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-layers.sh
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "Checking the include direction of the folders"
    VERBATIM)

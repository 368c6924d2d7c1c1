# Writes the file IN as a C array to OUT; called by embed() in CMakeLists.txt.
# A line `-- include FILE` stands for that file, beside it or in shared/: what
# scripts share.
get_filename_component(name ${IN} NAME)
string(MAKE_C_IDENTIFIER "${name}" symbol)
file(READ ${IN} bytes HEX)
file(STRINGS ${IN} lines REGEX "^-- include [a-z_/]+\\.inc$")
foreach(line ${lines})
  string(REPLACE "-- include " "" included ${line})
  get_filename_component(dir ${IN} DIRECTORY)
  if(included MATCHES "^shared/")
    get_filename_component(dir ${dir} DIRECTORY)
  endif()
  file(READ ${dir}/${included} part HEX)
  string(HEX "${line}\n" line)
  string(REPLACE ${line} ${part} bytes ${bytes})
endforeach()
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
file(WRITE ${OUT}
     "#include <stddef.h>\n"
     "extern const char ${symbol}[];\nextern const size_t ${symbol}_len;\n"
     "const char ${symbol}[] = {\n${bytes}0};\n"
     "const size_t ${symbol}_len = sizeof(${symbol}) - 1;\n")

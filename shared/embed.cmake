# Writes the file IN as a C array to OUT; called by embed() in CMakeLists.txt.
get_filename_component(name ${IN} NAME)
string(MAKE_C_IDENTIFIER "${name}" symbol)
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
file(WRITE ${OUT}
     "#include <stddef.h>\n"
     "extern const char ${symbol}[];\nextern const size_t ${symbol}_len;\n"
     "const char ${symbol}[] = {\n${bytes}0};\n"
     "const size_t ${symbol}_len = sizeof(${symbol}) - 1;\n")

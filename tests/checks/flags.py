#!/usr/bin/python3
"""Prints the flags with which a C file is compiled, each ended by a NUL.

    tests/checks/flags.py BUILD_DIR FILE

What this build leaves out (the bench) gets the library's.
"""

import json
import os
import shlex
import sys


def main():
    build, file = sys.argv[1:]
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as database:
        commands = {os.path.realpath(entry["file"]): entry["command"] for entry in json.load(database)}
    command = commands.get(os.path.realpath(file)) or commands[os.path.realpath("shared/str.c")]
    words = shlex.split(command)[1:]
    for before, word in zip(["", *words], words):
        if word not in ("-o", "-c") and before not in ("-o", "-c"):
            print(word, end="\0")


main()

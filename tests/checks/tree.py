#!/usr/bin/python3
"""Checks what the tree must look like; ctest calls it as check.NAME.

    tests/checks/tree.py NAME

Each check yields the lines at fault; none means that it holds.
"""

import ast
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "ride-svc", "pool-svc", "voice-svc", "notifier")
IN_C = ("shared", "deploy", *SERVICES)
NOT_OURS = {".git", "build", "__pycache__", ".pytest_cache", ".venv"}

# A library's calls, and the only files that may make them.
LIBRARIES = {
    r"\bMHD_\w+": r"gateway/http\w*\.[ch]",
    r"\bcurl_\w+\s*\(": r"notifier/http_client\w*\.[ch]",
    r"\b(zmq|zsock|zframe|zmsg|zcert|zpoller|zactor|zauth)_\w+\s*\(": r"shared/bus\w*\.[ch]",
    r"\bredis(Async|Command|Connect|Append|Get|Free|Buffer)\w*\s*\(": r"shared/redis\w*\.[ch]",
    r"\bev_\w+\s*\(": r"shared/loop\w*\.[ch]",
    r"\bmsgpack_\w+\s*\(": r"shared/(msgpack|message|bus_frame)\.[ch]",
}
BANNED = r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|scanf|sscanf|system|popen)\s*\("
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "shared", "deploy", "tests", *SERVICES}


def paths(*folders, ends=("",)):
    """The files of the tree, relative to its root."""
    for folder, dirs, names in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if d not in NOT_OURS and not d.startswith(".state"))
        for name in sorted(names):
            path = Path(folder, name).relative_to(ROOT)
            if path.name.endswith(tuple(ends)) and (not folders or path.parts[0] in folders):
                yield path


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def without_comments(text):
    """C without comments and strings; line numbers stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return token.sub(lambda m: '""' + "\n" * m.group().count("\n"), text)


def code(*folders):
    for path in paths(*folders, ends=(".c", ".h")):
        for number, line in enumerate(without_comments(read(path)).splitlines(), 1):
            yield path, number, line


def check_layers():
    """Each library is called in one place."""
    for path, number, line in code(*IN_C):
        for call, home in LIBRARIES.items():
            if re.search(call, line) and not re.fullmatch(home, str(path)):
                yield f"{path}:{number}: {line.strip()} (only in {home})"


def check_includes():
    """A service includes its own headers and the library's; the library knows no service."""
    for path in paths(*IN_C, ends=(".c", ".h")):
        allowed = {"shared", path.parts[0]}
        for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M):
            if included.split("/")[0] not in allowed or ".." in included:
                yield f"{path}: includes {included}"


def check_banned():
    """Calls that no bound holds."""
    for path, number, line in code(*IN_C):
        if re.search(BANNED, line):
            yield f"{path}:{number}: {line.strip()}"


def check_size():
    """A file past 550 lines has more than one subject."""
    for path in paths(*IN_C, ends=(".c", ".h")):
        lines = read(path).count("\n")
        if lines > 550:
            yield f"{path}: {lines} lines"


def check_lua():
    """Without its first line Redis would run a script past a full memory, and over two slots."""
    for path in paths(*IN_C, ends=(".lua",)):
        if not re.match(r"#!lua(?: flags=no-writes)?\n", read(path)):
            yield f"{path}: does not begin with #!lua"


def record_fields(name):
    """The fields of a record of the catalogue, in their order."""
    table = re.search(rf"#define {name}_FIELDS\(F\)((?:.*\\\n)*.*\n)", read("shared/messages.def"))
    return re.findall(r"F\(\w+, (\w+)\)", table.group(1))


def lua_constants(text):
    """(name, number) of each `local A, B = 1, 2`."""
    for names, numbers in re.findall(r"^local ([A-Z_]+(?:, [A-Z_]+)*) = (\d+(?:, \d+)*)$", text, re.M):
        yield from zip(names.split(", "), map(int, numbers.split(", ")))


def check_positions():
    """Scripts name the places of a record's fields by hand: as the catalogue has them."""
    ride = record_fields("RIDE_RECORD")
    told = {name: f"A {name}: {{" + ", ".join(record_fields(record)) + "}"
            for name, record in (("route", "ROUTE"), ("letter", "LETTER_RECORD"))}
    for path in paths(*IN_C, ends=(".lua",)):
        text = read(path)
        named = dict(lua_constants(text))
        for name, number in named.items():
            if name.lower() in ride and ride.index(name.lower()) + 1 != number:
                yield f"{path}: {name} is {ride.index(name.lower()) + 1}, not {number}"
        for name in sorted(set(re.findall(r"\[([A-Z][A-Z_]*)\]", text))):
            if name not in named or name.lower() not in ride:
                yield f"{path}: [{name}] is no field of a ride"
        for name, line in told.items():
            if re.search(rf"\b{name}\[\d|-- A {name}: ", text) and line not in text.replace("\n-- ", " "):
                yield f"{path}: numbers a {name}'s fields without the words {line}"


def whole_script(path):
    """A Lua file with what it includes."""
    def part(match):
        return whole_script(Path(match[1]) if match[1].startswith("shared/") else path.parent / match[1])
    return re.sub(r"^-- include (\S+)\n", part, read(path), flags=re.M)


def commands_of(service):
    """What a service asks of Redis: by its scripts, the library's that it uses, and one by one."""
    sources = "".join(read(path) for path in paths(service, ends=(".c",)))
    shared = {"phonebook.h": "phonebook.lua", "alerts.h": "alert_queue.lua", "recent.h": "recent.c"}
    used = [Path("shared", file) for header, file in shared.items() if f'"shared/{header}"' in sources]
    scripts = [*paths(service, ends=(".lua",)), Path("shared/registry.lua"), *(p for p in used if p.suffix == ".lua")]
    for path in scripts:
        yield from re.findall(r"redis\.p?call\(\s*'([A-Z]+)'", whole_script(path))
    sources += "".join(map(read, (Path("shared/service.c"), *(p for p in used if p.suffix == ".c"))))
    for call in re.findall(r"\bREDIS_DO\([^;]*;", sources):
        yield from re.findall(r'STR\("([A-Z]{3,})"\)', call)[:1]


def check_rights():
    """In Redis each service has the right to the commands that it uses, and to no other."""
    rights, name = {}, None
    for line in re.sub(r"^(#.*)?\n", "", read("deploy/redis-rights"), flags=re.M).splitlines():
        name = line.split(" ", 1)[0] or name
        rights.setdefault(name, set()).update(word[1:].split("|")[0].upper() for word in line.split() if word[0] == "+")
    every = rights["every"] | {"EVAL", "EVALSHA", "SELECT", "PING", "INFO", "GET"}
    for service in SERVICES:
        used, given = set(commands_of(service)), rights.get(service, set())
        for command in sorted(used - given - every):
            yield f"deploy/redis-rights: {service} has no right to {command}"
        for command in sorted(given - used):
            yield f"deploy/redis-rights: {service} has no use for {command}"


def check_seals():
    """What is sealed is bound to a meaning of keys.h, and each of these is known where values are sealed anew."""
    known = set(re.findall(r"\bmeaning_\w+", read("deploy/rekey/sealed.c")))
    for name in sorted(set(re.findall(r"\bmeaning_\w+", read("shared/keys.h"))) - known):
        yield f"shared/keys.h: {name} is not in deploy/rekey/sealed.c"
    for path in paths("shared", *SERVICES, ends=(".c",)):
        for call in re.findall(r"\bvault_seal\(([^;]*);", read(path)):
            if "meaning" not in call and path.name != "vault.c":
                yield f"{path}: seals without a meaning_…: {call.split()[0]}"


def check_python():
    """Parses, and names the interpreter that has the packages."""
    for path in paths():
        text = read(path)
        first = text.split("\n", 1)[0]
        if path.suffix != ".py" and not re.match(r"#!.*python", first):
            continue
        try:
            ast.parse(text, str(path))
        except SyntaxError as error:
            yield f"{path}:{error.lineno}: {error.msg}"
        if first.startswith("#!") and not first.startswith("#!/usr/bin/python3"):
            yield f"{path}: begins with {first}"


def check_names():
    """No path of one machine, nothing at the top that does not belong there."""
    home = re.compile(r"(?<![\w.])/(?:home|root|Users)/\w")
    for path in paths():
        text = read(path)
        if home.search(text) or (str(ROOT).count("/") > 1 and f"{ROOT}/" in text):
            yield f"{path}: holds a path of one machine"
    for name in sorted(os.listdir(ROOT)):
        if not name.startswith(".") and name not in TOP_LEVEL | {"build"}:
            yield f"{name}: does not belong at the top level"
    if "MIT License" not in read("LICENSE"):
        yield "LICENSE: is not the MIT licence"


def check_executable():
    """What is run bears the bit, and begins with an interpreter."""
    for path in paths("deploy", "tests"):
        runs = os.access(ROOT / path, os.X_OK)
        if runs != read(path).startswith("#!") and path.suffix not in (".lua", ".py"):
            yield f"{path}: {'is executable without' if runs else 'is not executable, with'} a #! line"


def holds_test(path, name):
    """Is it a test of that file, that also runs?"""
    text = read(path)
    if path.endswith(".py"):
        return re.search(rf"^def {name}\(", text, re.M)
    return re.search(rf"^static void {name}\(void \*\*state\)", text, re.M) and len(re.findall(rf"\b{name}\b", text)) > 1


def check_security():
    """The tests and files that deploy/SECURITY.md points at are there, and its items are each there once."""
    rows = [line for line in read("deploy/SECURITY.md").splitlines() if line.startswith("| ")]
    for words in re.findall(r"`([^`]+)`", "\n".join(rows)):
        path, _, test = words.split(" ")[0].partition("::")
        if path.split("/")[0] not in TOP_LEVEL or path in SERVICES:
            continue
        if not (ROOT / path).exists() or test and not holds_test(path, test):
            yield f"deploy/SECURITY.md: {words} is not there"
    items, states = [], dict.fromkeys(("held", "partly", "not", "yours", "do not apply"), 0)
    for row in rows:
        cells = row.strip("| ").split(" | ")
        found = re.findall(r"\d+\.\d+\.\d+", cells[0])
        items += found
        if found and len(found) == 1 and len(cells) == 4 and cells[2] in states:
            states[cells[2]] += 1
        elif found and len(cells) == 2:
            states["do not apply"] += len(found)
        elif found:
            yield f"deploy/SECURITY.md: {row[:40]}…: no such state"
    for item in sorted({item for item in items if items.count(item) > 1}):
        yield f"deploy/SECURITY.md: {item} is there twice"
    counted = ", ".join(f"{count} {state}" for state, count in states.items()) + f": {len(items)}."
    if f"**{counted}**" not in read("deploy/SECURITY.md"):
        yield f"deploy/SECURITY.md: counts wrong; it is **{counted}**"


def main():
    check = globals()["check_" + sys.argv[1]]
    faults = list(check())
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"{len(faults)} at fault: {check.__doc__}")


main()

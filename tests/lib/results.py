"""What a test measured, for a table at the end: a line of JSON each, added to
the file that BIRDCAR_RESULTS names; nowhere where it names none."""
import json
import os


def record(test, done, **figures):
    """`test`: what it tries; `done`: how much of it, as "60 kills"."""
    path = os.environ.get("BIRDCAR_RESULTS")
    if not path:
        return
    line = json.dumps({"test": test, "done": done, **figures}) + "\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line.encode())  # at once: tests run side by side
    finally:
        os.close(fd)

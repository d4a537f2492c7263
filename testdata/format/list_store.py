#!/usr/bin/env python3
"""Lists the tables of a store in a folder, with their versions and row counts.

Written from crates/icecore-snapshot/docs/format.md alone, with nothing but the
standard library: what it can read, a person can.

    python3 list_store.py FOLDER

A line for each table: account, name, rows, `dropped`; below it its versions.
"""

import json, struct, sys, uuid, zlib
from bisect import bisect_right
from datetime import datetime, timezone
from pathlib import Path
HAVE_ROWS = ("table", "dynamic_table", "quarantine")


class Unreadable(Exception):
    """A store that this script does not understand."""


def frame(path, what):
    """The body of an object that is one frame (section 2)."""
    header, _, body = path.read_bytes().partition(b"\n")
    words = header.split(b" ")
    if len(words) != 5 or words[:3] != [b"ICECORE", what.encode(), b"0"]:
        raise Unreadable(f"{path}: not a {what} of format version 0")
    if int(words[4]) != len(body) or int(words[3], 16) != zlib.crc32(body):
        raise Unreadable(f"{path}: wrong length or checksum")
    return json.loads(body)


def id_within_clone(root, source):
    """The first 16 bytes of BLAKE3 of the two ids: 32 bytes, one block (section 5)."""
    data = uuid.UUID(root).bytes + uuid.UUID(source).bytes
    iv = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
          0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
    state = iv + iv[:4] + [0, 0, len(data), 1 | 2 | 8]  # chunk start, chunk end, root
    words = list(struct.unpack("<16I", data.ljust(64, b"\0")))

    def rotate(word, by):
        return (word >> by | word << (32 - by)) & 0xFFFFFFFF

    def mix(a, b, c, d, x, y):
        for word, first, second in ((x, 16, 12), (y, 8, 7)):
            state[a] = (state[a] + state[b] + word) & 0xFFFFFFFF
            state[d] = rotate(state[d] ^ state[a], first)
            state[c] = (state[c] + state[d]) & 0xFFFFFFFF
            state[b] = rotate(state[b] ^ state[c], second)

    for _ in range(7):
        for i in range(8):  # four columns, then four diagonals
            turn = i // 4
            b, c, d = (4 * row + (i + turn * row) % 4 for row in (1, 2, 3))
            mix(i % 4, b, c, d, words[2 * i], words[2 * i + 1])
        words = [words[i] for i in (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)]
    return str(uuid.UUID(bytes=struct.pack("<4I", *(state[i] ^ state[i + 8] for i in range(4)))))


def at(states, version=None):
    """The newest of some (version, state) pairs, or the newest at a version."""
    count = bisect_right(states, version, key=lambda s: s[0]) if version else len(states)
    return states[count - 1][1] if count else {}


UPDATES = set("create_object replace_body rename_object drop_object undrop_object clone_object"
              " swap_objects append load set_deletes remove_segments truncate fold pipe_files set_owner set_grants".split())


class Account:
    """The effect of a log's updates on objects and on the rows of tables."""

    def __init__(self):
        self.objects, self.contents, self.times = {}, {}, {}

    def apply(self, version, update):
        (verb, fields), = update.items()
        if verb not in UPDATES:
            raise Unreadable(f"unknown update {verb}")
        getattr(self, verb)(version, **fields)

    def change(self, version, id, **changes):
        states = self.objects.setdefault(id, [])
        states.append((version, {**at(states), **changes}))

    replace_body = rename_object = change

    def content(self, version, table, rows, deleted):
        self.contents.setdefault(table, []).append((version, (rows, deleted)))

    def inside(self, id, version=None):
        """The live objects in this one at any depth, containers first."""
        for child, states in self.objects.items():
            state = at(states, version)
            if state and state["parent"] == id and not state["dropped_with"]:
                yield child, state
                yield from self.inside(child, version)

    def create_object(self, version, id, kind, name, owner, body, parent=None):
        self.change(version, id, kind=kind, parent=parent, name=name, body=body, dropped_with=None)
        if kind in HAVE_ROWS:
            self.content(version, id, 0, {})

    def drop_object(self, version, id):
        for dropped in [id] + [child for child, _ in self.inside(id)]:
            self.change(version, dropped, dropped_with=id)

    def undrop_object(self, version, id):
        for other, states in self.objects.items():
            if at(states)["dropped_with"] == id:
                self.change(version, other, dropped_with=None)

    def clone_object(self, version, source, id, name, owner, parent=None, **then):
        copies = [(source, {**at(self.objects[source], then["at"]), "name": name})]
        copies += list(self.inside(source, then["at"]))
        ids = {original: id_within_clone(id, original) for original, _ in copies} | {source: id}
        gone = set()
        for original, state in copies:
            internal = (state["body"] or {}).get("location") == "internal"
            left_out_rows = original in then.get("without", ())
            if left_out_rows and state["kind"] != "quarantine" or state["parent"] in gone:
                gone.add(original)
                continue
            if state["kind"] in ("channel", "role") or state["kind"] in ("stage", "pipe") and internal:
                continue
            copy = {**state, "parent": ids.get(state["parent"], parent), "dropped_with": None}
            self.change(version, ids[original], **copy)
            if state["kind"] in HAVE_ROWS:
                rows = (0, {}) if left_out_rows else at(self.contents[original], then["at"])
                self.content(version, ids[original], *rows)

    def swap_objects(self, version, a, b):
        first, second = at(self.objects[a]), at(self.objects[b])
        self.change(version, a, name=second["name"], parent=second["parent"])
        self.change(version, b, name=first["name"], parent=first["parent"])

    def append(self, version, table, segments, files=()):
        rows, deleted = at(self.contents[table])
        self.content(version, table, rows + sum(segment["rows"] for segment in segments), deleted)

    load = append

    def set_deletes(self, version, table, deletes):
        rows, before = at(self.contents[table])
        now = {(id["writer"], id["number"]): positions["rows"] for id, positions in deletes}
        rows -= sum(count - before.get(segment, 0) for segment, count in now.items())
        self.content(version, table, rows, {**before, **now})

    def remove_segments(self, version, table, segments):
        rows, deleted = at(self.contents[table])
        for id, count in ((segment["id"], segment["rows"]) for segment in segments):
            rows -= count - deleted.get((id["writer"], id["number"]), 0)
        self.content(version, table, rows, deleted)

    def truncate(self, version, table, **_):
        self.content(version, table, 0, {})

    def fold(self, version, **_):
        """Changes no row."""

    pipe_files = set_owner = set_grants = fold

    def path(self, id):
        state = at(self.objects[id])
        return (self.path(state["parent"]) + "." if state["parent"] else "") + state["name"]


def read_log(folder):
    """Applies the records from the first to the one before the first missing."""
    account, number = Account(), 1
    while (path := folder / "log" / str(number // 10_000) / f"{number:020}.rec").exists():
        record = frame(path, "record")
        if record["record"] != number:
            raise Unreadable(f"{path}: record {record['record']}")
        for version, transaction in enumerate(record["transactions"], record["first_version"]):
            account.times[version] = transaction["time_us"]
            for update in transaction["updates"]:
                account.apply(version, update)
        number += 1
    return account


def main(root):
    identity = frame(root / "format.json", "format")
    if identity["magic"] != "icecore" or identity["version"] != 0 or identity["features"]:
        raise Unreadable(f"{root}: not a store of format version 0")
    for folder in sorted((root / "account").iterdir()):
        account = read_log(folder)
        for name, id in sorted((account.path(id), id) for id in account.contents):
            dropped = " dropped" if at(account.objects[id])["dropped_with"] else ""
            print(f"{folder.name} {name} {at(account.contents[id])[0]} rows{dropped}")
            for version, (rows, _) in dict(account.contents[id]).items():
                moment = datetime.fromtimestamp(account.times[version] / 1e6, timezone.utc)
                print(f"  version {version} {moment:%Y-%m-%dT%H:%M:%S.%fZ} {rows} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except (Unreadable, OSError, ValueError, KeyError) as error:
        sys.exit(f"list_store.py: {error}")

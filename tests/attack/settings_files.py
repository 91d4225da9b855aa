"""Malformed settings files: YAML, JSON and TOML."""

import json

SHORT = (
    b"",
    b"null",
    b"3",
    b"[]",
    b"[1]",
    b'"a"',
    b"{}",
    b"\0" * 9,
    b"{",
    b"}",
    b"a",
    b"a:",
    b"a: b: c",
    b"- a",
    b"=",
    b"[a",
)
TAGS = (
    "!!python/object/apply:os.system ['touch MARK']",
    "!!python/name:os.system",
    "!!python/tuple [1, 2]",
    "!unknown 3",
    "!!binary x",
)


def settings_files() -> list[tuple[str, str, bytes]]:
    """(description, suffix, content) of malformed settings files."""
    flat = "\n".join(f"k{i}: {i}" for i in range(20_000))
    bomb = "a0: &a0 {x: 1}\n" + "\n".join(
        f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(10))}}}" for i in range(1, 9)
    )
    merges = "a0: &a0 {x: 1}\n" + "\n".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}" for i in range(1, 9)
    )
    lists = "a0: &a0 [1]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))
    found = [
        ("many keys", ".yaml", flat.encode()),
        ("many keys", ".json", json.dumps({f"k{i}": i for i in range(20_000)}).encode()),
        ("many keys", ".toml", "\n".join(f"k{i} = {i}" for i in range(20_000)).encode()),
        ("many dotted keys", ".toml", "\n".join(f"a.b.k{i} = {i}" for i in range(5_000)).encode()),
        ("maps of maps", ".yaml", bomb.encode()),
        ("merges of merges", ".yaml", merges.encode()),
        ("lists of lists", ".yaml", lists.encode()),
        ("a circle", ".yaml", b"a: &a {b: *a}"),
        ("a circle of lists", ".yaml", b"a: &a [*a]"),
        ("a merged circle", ".yaml", b"a: &a {<<: *a}"),
        ("deep lists", ".json", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        ("deep lists", ".yaml", b"a: " + b"[" * 3_000 + b"]" * 3_000),
        ("deep lists", ".toml", b"a = " + b"[" * 3_000 + b"]" * 3_000),
        ("deep keys", ".toml", b".".join([b"a"] * 3_000) + b" = 1"),
        ("equal keys", ".json", b'{"until": 3, "until": 4}'),
        ("equal keys", ".yaml", b"until: 3\nuntil: 4"),
        ("equal keys", ".toml", b"until = 3\nuntil = 4"),
        ("equal keys, dotted and nested", ".json", b'{"pace.seconds": 1, "pace": {"seconds": 2}}'),
        ("not UTF-8", ".json", b'{"a": "\xff"}'),
        ("not UTF-8", ".toml", b'a = "\xff"'),
        ("not UTF-8", ".yaml", b"a: \xff"),
        ("UTF-16", ".json", '{"a": 1}'.encode("utf-16")),
        ("a byte order mark", ".json", b'\xef\xbb\xbf{"until": 4}'),
        ("half a character", ".json", b'{"until": "\\ud800"}'),
        ("half a character as a key", ".json", b'{"\\ud800": 1}'),
        ("a zero byte", ".json", b'{"pace.name": "a\\u0000b"}'),
        ("a zero byte", ".yaml", b'pace.name: "a\\0b"'),
        ("a huge number", ".json", b'{"until": 1' + b"0" * 5_000 + b"}"),
        ("a huge number", ".yaml", b"until: 1" + b"0" * 5_000),
        ("a huge number", ".toml", b"until = 1" + b"0" * 5_000),
        ("a huge exponent", ".json", b'{"pace.seconds": 1e999}'),
        ("NaN", ".json", b'{"pace.seconds": NaN}'),
        ("infinity", ".yaml", b"pace.seconds: .inf"),
        ("a date", ".yaml", b"until: 2020-01-01"),
        ("a date", ".toml", b"until = 2020-01-01"),
        ("a set", ".yaml", b"until: !!set {a, b}"),
        ("keys that are no text", ".yaml", b"1: 2\ntrue: 3\n[1, 2]: 4"),
        ("a list as a key", ".yaml", b"? [1, 2]\n: 3"),
        ("several documents", ".yaml", b"until: 4\n---\nuntil: 5"),
        ("an alias of nothing", ".yaml", b"until: *nothing"),
        ("tabs", ".yaml", b"\tuntil: 4"),
        ("a long key", ".json", json.dumps({"k" * 100_000: 1}).encode()),
        ("a long value", ".json", json.dumps({"pace.name": "v" * 1_000_000}).encode()),
        *((f"the tag {tag.split()[0]}", ".yaml", f"until: {tag}".encode()) for tag in TAGS),
    ]
    for content in SHORT:
        found += [(f"{content[:12]!r}", suffix, content) for suffix in (".json", ".yaml", ".toml")]
    return found

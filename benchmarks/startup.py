"""CPU time of commands that people wait for without noticing: whole processes, imports included."""

from measure import Row, cpu_seconds, launcher, table


def rows() -> list[Row]:
    return [
        Row(
            what="`launcher --version`, CPU",
            measured=1000 * cpu_seconds([launcher(), "--version"]),
            unit="ms",
            limit=80,
        ),
        Row(
            what="`launcher list`, CPU",
            measured=1000 * cpu_seconds([launcher(), "list"]),
            unit="ms",
            limit=150,
        ),
    ]


if __name__ == "__main__":
    print(table("Start of a command", rows()))

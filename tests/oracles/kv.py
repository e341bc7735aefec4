"""KV blocks of one replica: real block numbers, reference counts, content keys and the queue of free blocks (docs/engine.md section 5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable


class Contents:
    """Numbers for chains of block contents: two chains get one number exactly if all their tokens are equal."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}

    def number(self, before: int, block: Hashable) -> int:
        return self.numbers.setdefault((before, block), len(self.numbers))


class Blocks:
    """The blocks of a replica. `free` is the queue: taken at index 0."""

    def __init__(self, count: int) -> None:
        self.free = deque(range(count))
        self.references = [0] * count
        self.key_of: dict[int, int] = {}
        self.blocks_of: dict[int, list[int]] = {}

    def find(self, key: int) -> int | None:
        """The earliest entered block that still has this key."""
        blocks = self.blocks_of.get(key)
        return blocks[0] if blocks else None

    def enter(self, block: int, key: int) -> None:
        if block not in self.key_of:
            self.key_of[block] = key
            self.blocks_of.setdefault(key, []).append(block)

    def take(self, count: int) -> list[int]:
        assert count <= len(self.free), "more blocks taken than are free"
        taken = [self.free.popleft() for _ in range(count)]
        for block in taken:
            assert self.references[block] == 0
            self.references[block] = 1
            if block in self.key_of:
                key = self.key_of.pop(block)
                self.blocks_of[key].remove(block)
        return taken

    def share(self, blocks: list[int]) -> None:
        for block in blocks:
            if self.references[block] == 0:
                self.free.remove(block)
            self.references[block] += 1

    def release(self, blocks: list[int]) -> None:
        """Give back one request's blocks, given from first to last."""
        front: list[int] = []
        back: list[int] = []
        for block in reversed(blocks):
            self.references[block] -= 1
            if self.references[block] == 0:
                (back if block in self.key_of else front).append(block)
        self.free.extendleft(reversed(front))
        self.free.extend(back)

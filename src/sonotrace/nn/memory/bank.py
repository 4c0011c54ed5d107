"""The memory of a tracker: entries of earlier frames, as many as its policy allows."""

from collections import deque
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sonotrace.nn.memory.merge import merge_rows, merge_use, plan_merge
from sonotrace.nn.memory.policy import Bounded, Recent, Unbounded
from sonotrace.nn.memory.read import TOP_K, find_top_k, gather


class MemoryBank:
    """Entries of remembered frames: one key each, and one value per object.

    Entries lie row by row in buffers that are allocated once, or doubled when they are full, so
    that remembering a frame writes its rows and nothing else, and reading needs no copy. A
    forgotten frame's rows are overwritten in place.

    All objects share the keys. An entry of a frame at which an object did not exist, because it
    was added later, is hidden from that object: it reads the k best of the entries that know
    it. Objects that know the same entries share one search.
    """

    def __init__(self, policy: Unbounded | Recent | Bounded, k: int = TOP_K) -> None:
        self.limits = policy.limits
        self.k = k
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._frame_size: tuple[int, int] = (0, 0)
        self._room = 0
        self._rows = 0
        self._reads = 0
        self._arrivals = 0
        self._arrival: dict[int, int] = {}
        self._keys = self._squares = self._use = self._born = torch.empty(0)
        self._values: dict[int, Tensor] = {}
        self._known: dict[int, Tensor] = {}
        self._sharing: list[list[int]] = []
        self._permanent: deque[int] = deque()
        self._recent: deque[int] = deque()
        self._merged: list[int] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return the number of entries."""
        return self._rows

    @property
    def frames(self) -> int:
        """How many frames the entries amount to."""
        return len(self._permanent) + len(self._recent) + len(self._merged)

    @property
    def full(self) -> bool:
        """Whether the recent and the merged part have reached their limits."""
        recent, merged = self.limits.recent, self.limits.merged
        return len(self._recent) == recent and len(self._merged) == merged

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        buffers = [self._keys, self._squares, self._use, self._born]
        buffers += [*self._values.values(), *self._known.values()]
        return sum(buffer.nbytes for buffer in buffers)

    def add(
        self,
        key: Float[Tensor, "K h w"],
        values: Float[Tensor, "O V h w"],
        objects: Sequence[int],
        *,
        permanent: bool = False,
    ) -> None:
        """Remember one frame: its key, and the value of every object that exists in it.

        Beyond the limit of permanent frames the oldest but one becomes an ordinary frame: the
        first stays for ever.
        """
        if self._rows and tuple(key.shape[1:]) != self._frame_size:
            raise ValueError(
                f"a frame of {tuple(key.shape[1:])} positions for a memory of "
                f"{self._frame_size}. Clear the memory before another clip."
            )
        self._frame_size = (key.shape[1], key.shape[2])
        slot = self._take_slot(permanent)
        self._make_room(slot + 1, key, values)
        rows = slice(slot * self._positions, (slot + 1) * self._positions)
        self._keys[rows] = key.flatten(1).mT.float()
        self._squares[rows] = self._keys[rows].square().sum(1)
        self._use[rows], self._born[rows] = 0, self._reads
        for known in self._known.values():
            known[rows] = False
        for identity, value in zip(objects, values, strict=True):
            self._admit(identity, value)
            self._values[identity][rows] = value.flatten(1).mT
            self._known[identity][rows] = True
        self._rows = max(self._rows, rows.stop)
        self._find_sharing()

    def read(
        self, query_key: Float[Tensor, "K h w"], objects: Sequence[int]
    ) -> Float[Tensor, "O V h w"]:
        """Return what the memory knows of every object at every position of a frame."""
        query, rows = query_key.flatten(1).mT, self._rows  # (Q, K)
        self._reads += 1
        found: dict[int, Tensor] = {}
        for sharing in self._sharing:
            wanted = [identity for identity in sharing if identity in objects]
            if not wanted:
                continue
            known = self._known[wanted[0]][:rows]
            squares = self._squares[:rows].masked_fill(~known, torch.inf)
            best = find_top_k(query, self._keys[:rows], squares, self.k)
            if self.limits.merged:
                self._use.index_add_(0, best.positions.flatten(), best.weights.flatten())
            for identity in wanted:
                found[identity] = gather(self._values[identity][:rows], best)  # (Q, V)
        read = torch.stack([found[identity] for identity in objects]).mT  # (O, V, Q)
        return read.view(*read.shape[:2], *query_key.shape[1:])

    def remove(self, identity: int) -> None:
        """Forget one object, if it is there."""
        self._values.pop(identity, None)
        self._known.pop(identity, None)
        self._find_sharing()

    @property
    def _positions(self) -> int:
        return self._frame_size[0] * self._frame_size[1]

    def _rows_of(self, slots: Sequence[int]) -> Int[Tensor, " N"]:
        n = self._positions
        return torch.cat(
            [torch.arange(s * n, (s + 1) * n, device=self._keys.device) for s in slots]
        )

    def _take_slot(self, permanent: bool) -> int:
        """Return the place of a new frame, after others have made way."""
        part = self._permanent if permanent else self._recent
        if permanent and len(part) == self.limits.permanent:
            demoted = part[1]
            part.remove(demoted)
            self._recent = deque(sorted([*self._recent, demoted], key=self._arrival.__getitem__))
        most = self.limits.recent
        while most is not None and len(self._recent) + (not permanent) > most:
            self._forget(self._recent.popleft())
        slot = self._free.pop() if self._free else self.frames
        part.append(slot)
        self._arrivals += 1
        self._arrival[slot] = self._arrivals
        return slot

    def _forget(self, slot: int) -> None:
        """Move a frame to the merged part, or merge it with that, or give up its place."""
        if len(self._merged) < self.limits.merged:
            self._merged.append(slot)
            return
        if self._merged:
            self._merge(slot)
        self._free.append(slot)

    def _merge(self, slot: int) -> None:
        pool, rows = self._rows_of([*self._merged, slot]), self._rows_of(self._merged)
        use, born = self._use[pool], self._born[pool]
        plan = plan_merge(self._keys[pool], use, self._reads + 1 - born, len(rows))
        self._keys[rows], _ = merge_rows(self._keys[pool], use, None, plan)
        self._squares[rows] = self._keys[rows].square().sum(1)
        for identity, values in self._values.items():
            known = self._known[identity]
            values[rows], known[rows] = merge_rows(values[pool], use, known[pool], plan)
        self._use[rows], self._born[rows] = merge_use(use, plan), born[plan.kept]

    def _make_room(
        self, slots: int, key: Float[Tensor, "K h w"], values: Float[Tensor, "O V h w"]
    ) -> None:
        """Allocate the buffers, or larger ones that start with the same rows."""
        if slots * self._positions <= self._room:
            return
        self._room = self.limits.capacity(slots) * self._positions
        empty = torch.zeros(0, device=key.device)
        if not self._rows:
            self._keys, self._values = empty.new_zeros(0, key.shape[0]), {}
            self._squares = self._use = self._born = empty
        self._keys = self._grown(self._keys)
        self._squares = self._grown(self._squares)
        self._use, self._born = self._grown(self._use), self._grown(self._born)
        self._values = {i: self._grown(value) for i, value in self._values.items()}
        self._known = {i: self._grown(known) for i, known in self._known.items()}

    def _grown(self, old: Tensor) -> Tensor:
        new = old.new_zeros(self._room, *old.shape[1:])
        new[: len(old)] = old
        return new

    def _admit(self, identity: int, value: Float[Tensor, "V h w"]) -> None:
        """Make room for the values of an object that is new; no entry knows it yet."""
        if identity not in self._values:
            self._values[identity] = value.new_zeros(self._room, value.shape[0])
            self._known[identity] = value.new_zeros(self._room, dtype=torch.bool)

    def _find_sharing(self) -> None:
        """Find the objects that are known by the same entries."""
        self._sharing = []
        for identity, known in self._known.items():
            for sharing in self._sharing:
                if torch.equal(known, self._known[sharing[0]]):
                    sharing.append(identity)
                    break
            else:
                self._sharing.append([identity])

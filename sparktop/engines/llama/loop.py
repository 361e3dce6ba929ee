"""The batch loop: several requests decoded together in one context.

Each step builds one batch - a token for every decoding sequence, then as much of the waiting
prompts as still fits - runs the model over it, chooses the next tokens and stamps them. Requests
join and leave between steps, so a short answer never holds up a long one. Turning tokens into text
and events happens while a GPU already computes the next step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from sparktop.engines.llama.chat import TemplateRefused
from sparktop.engines.llama.library import Batch, Context, LlamaFailed, Model
from sparktop.engines.llama.link_meter import LinkMeter
from sparktop.engines.llama.prompt import Prompts
from sparktop.engines.llama.sampling import Chain, Chooser, Row, chain_for
from sparktop.engines.llama.slot import Slot
from sparktop.engines.protocol import Clock, Emit, Generation
from sparktop.engines.text import MARKERS, StreamText
from sparktop.model.events import Finish, PrefillProgress, RequestDone, RequestFailed, TokenSource
from sparktop.model.scenario import Sampling


class BatchLoop:
    """Requests in, events out; `step` is to be called while there is work.

    Attributes:
        link: Watches what goes to other machines; None where the model is on this one alone.

    Args:
        emit: Takes events; must return at once.
        clock: Seconds since the run began.
        threads: Processor threads that sampling may use.
        on_device: Let the device that computes the logits choose tokens where it can.
        overlap: Make text while the device computes; of no use where that is this processor.
    """

    flush_s = 1 / 30
    """Least time between two groups of tokens of one stream."""

    def __init__(
        self,
        model: Model,
        context: Context,
        emit: Emit,
        clock: Clock,
        *,
        threads: int = 1,
        on_device: bool = False,
        overlap: bool = False,
    ) -> None:
        self._model = model
        self._context = context
        self._emit = emit
        self._clock = clock
        self._overlap = overlap
        self._batch = Batch(context.batch_size)
        self._prompts = Prompts(model)
        self._waiting: deque[Generation] = deque()
        self._running: list[Slot] = []
        self._free = deque(range(context.slots))
        self._chooser = Chooser(context, model, threads, on_device)
        self.link: LinkMeter | None = None
        self._untold: list[tuple[Slot, int, float]] = []
        self._unread: list[PrefillProgress] = []
        self._last_flush = 0.0
        self._spent: list[Chain] = []
        self._pieces: dict[int, bytes] = {}

    @property
    def busy(self) -> bool:
        """Whether a step has work to do."""
        return bool(self._waiting or self._running)

    def warm_up(self, sampling: Sampling) -> None:
        """Runs the model once over one token, so that no request pays for what is done only once.

        That is building the compute graph for how tokens will be chosen, starting the device and
        bringing the first pages of the weights in.

        Args:
            sampling: How most requests will be sampled.

        Raises:
            LlamaFailed: The model can't be run.
        """
        if sampling.ignore_eos:
            self._model.end_tokens()
        for sequence in self._free:
            self._chooser.prepare(sequence, sampling)
        self._batch.clear()
        self._batch.add((max(self._model.bos, 0),), 0, 0, output=True)
        self._decode()
        self._context.synchronize()
        self._context.forget(0)

    def submit(self, generations: Sequence[Generation]) -> None:
        """Queues requests; they start as sequences come free."""
        self._waiting.extend(generations)

    def cancel(self) -> None:
        """Ends every request; what they produced is sent on first."""
        self._context.synchronize()
        self._tell_read()
        self._tell()
        for slot in list(self._running):
            self._finish(slot, Finish.CANCELLED)
        for generation in self._waiting:
            self._done(generation, Finish.CANCELLED)
        self._waiting.clear()
        self._rest()

    def step(self) -> None:
        """Admits what fits, runs the model once, and hands on what came of it.

        Raises:
            LlamaFailed: The model can't be run any more.
        """
        self._free_spent()
        if not self._overlap:
            self._tell()  # before the batch is built: it may end a sequence
        while self._waiting and self._free:
            self._admit(self._waiting.popleft())
        rows = self._fill()
        if not self._batch.size:
            self._rest()
            return
        started = self._clock()
        for slot in self._running:
            if slot.prefilling and slot.prefill_started is None:
                slot.prefill_started = started
        if self.link is not None:
            self.link.begin(decoding=not any(slot.prefilling for slot in self._running))
        self._decode()
        self._tell_read()
        if self._overlap:
            self._tell()
        # Nothing is wanted of a part of a prompt but that it is read. So the next part is given while this one is
        # computed: of a split model, the first machine begins with it while the last one ends with this one.
        ahead = not rows and (self._overlap or self.link is not None)
        if not ahead:
            self._context.synchronize()
        self._advance()
        if not ahead:
            self._tell_read()
        if rows:
            self._choose(rows)
        if self.link is not None:
            self.link.step(self._batch.size)
            if not self.busy:
                self._rest()

    def _tell_read(self) -> None:
        """Tells how far prompts are read, of parts that were given before the last one and so are computed by now."""
        now = round(self._clock(), 6)
        for progress in self._unread:
            self._emit(replace(progress, t=now))
        self._unread.clear()

    def _rest(self) -> None:
        if self.link is not None:
            self.link.rest()

    def _decode(self) -> None:
        code = self._context.decode(self._batch)
        if code != 0:
            why = "no room left in the KV cache" if code == 1 else "see its log"
            raise LlamaFailed(f"llama.cpp's decode failed with code {code}: {why}")

    def _admit(self, generation: Generation) -> None:
        try:
            prompt, reasoning = self._prompts.tokens(generation)
        except (LlamaFailed, TemplateRefused) as error:
            self._fail(generation, str(error))
            return
        room = self._context.sequence_length
        if not prompt:
            self._fail(generation, "the prompt is empty: there is nothing to answer")
            return
        if len(prompt) >= room:
            self._fail(
                generation,
                f"the prompt is {len(prompt):,} tokens long and a sequence holds {room:,}: shorten the prompt"
                " or use a model with a longer context",
            )
            return
        sequence = self._free.popleft()
        self._chooser.prepare(sequence, generation.sampling)
        self._running.append(
            Slot(
                generation=generation,
                sequence=sequence,
                prompt=prompt,
                text=StreamText(generation.sampling.stop, reasoning),
                chain=chain_for(generation.sampling),
            )
        )

    def _fill(self) -> list[tuple[Slot, int]]:
        """Builds the batch; returns who gets a token of it, with the token's batch index."""
        batch = self._batch
        batch.clear()
        rows = [
            (slot, batch.add((slot.last,), slot.position, slot.sequence, True))
            for slot in self._running
            if not slot.prefilling
        ]
        for slot in self._running:
            room = batch.capacity - batch.size
            if not slot.prefilling or room == 0:
                continue
            chunk = slot.prompt[slot.position : slot.position + room]
            whole = slot.position + len(chunk) == len(slot.prompt)
            index = batch.add(chunk, slot.position, slot.sequence, whole)
            if whole:
                rows.append((slot, index))
            slot.in_batch = len(chunk)
        return rows

    def _advance(self) -> None:
        """Moves every sequence on by what the batch held of it."""
        computed = self._clock()
        for slot in self._running:
            if slot.prefilling:
                self._advance_prefill(slot, computed)
            else:
                slot.position += 1

    def _choose(self, rows: list[tuple[Slot, int]]) -> None:
        """Chooses the next tokens."""
        tokens = self._chooser.choose(
            [Row(index, slot.sequence, slot.chain, slot.generation.sampling.ignore_eos) for slot, index in rows]
        )
        now = self._clock()
        for (slot, _), token in zip(rows, tokens, strict=True):
            # A stop string may have ended the slot while this batch was being computed.
            if not slot.ended:
                self._take(slot, token, now)

    def _advance_prefill(self, slot: Slot, now: float) -> None:
        if not slot.in_batch:
            return  # no room was left for it in this batch
        slot.position += slot.in_batch
        slot.in_batch = 0
        if not slot.prefilling and slot.prefill_started is not None:
            slot.prefill_ms = (now - slot.prefill_started) * 1e3
        self._unread.append(
            PrefillProgress(
                t=round(now, 6),
                request=slot.generation.request,
                done=slot.position,
                total=len(slot.prompt),
                cached=0,
            )
        )

    def _take(self, slot: Slot, token: int, now: float) -> None:
        """Takes a chosen token into its sequence: no more than the next batch must wait for."""
        if self._model.is_end(token):
            self._tell()
            if not slot.ended:
                self._finish(slot, Finish.STOP)
            return
        slot.last = token
        slot.produced += 1
        self._untold.append((slot, token, now))
        if slot.produced >= slot.generation.sampling.max_tokens or slot.position + 1 >= self._context.sequence_length:
            self._tell()
            if not slot.ended:
                self._finish(slot, Finish.LENGTH)

    def _tell(self) -> None:
        """Turns the chosen tokens into text, and sends it on when it is time."""
        untold, self._untold = self._untold, []
        for slot, token, t in untold:
            if slot.ended:
                continue
            slot.note(slot.text.feed(self._piece(token)), t)
            if slot.text.stopped:
                self._finish(slot, Finish.STOP)
        now = self._clock()
        if now - self._last_flush < self.flush_s:
            return
        self._last_flush = now
        for slot in self._running:
            slot.flush(self._emit, now)

    def _piece(self, token: int) -> bytes:
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._model.piece(token)
            if not piece and self._model.is_control(token):
                special = self._model.piece(token, special=True)
                piece = special if special.decode("utf-8", "replace") in MARKERS else b""
            self._pieces[token] = piece
        return piece

    def _finish(self, slot: Slot, finish: Finish) -> None:
        slot.ended = True
        for kind, text in slot.text.finish():
            slot.append(kind, text, None)
        slot.flush(self._emit, self._clock())
        self._context.forget(slot.sequence)
        self._running.remove(slot)
        self._free.append(slot.sequence)
        if slot.chain is not None:
            # Not closed yet: a row of the batch that is being computed may still be sampled with it.
            self._spent.append(slot.chain)
        self._done(slot.generation, finish, slot)

    def _free_spent(self) -> None:
        for chain in self._spent:
            chain.close()
        self._spent.clear()

    def _done(self, generation: Generation, finish: Finish, slot: Slot | None = None) -> None:
        self._emit(
            RequestDone(
                t=round(self._clock(), 6),
                request=generation.request,
                finish=finish,
                prompt_tokens=len(slot.prompt) if slot else None,
                cached_tokens=0 if slot else None,
                output_tokens=slot.told if slot else 0,
                prefill_ms=slot.prefill_ms if slot else None,
                token_source=TokenSource.TOKEN_IDS,
            )
        )

    def _fail(self, generation: Generation, error: str) -> None:
        self._emit(RequestFailed(t=round(self._clock(), 6), request=generation.request, error=error))

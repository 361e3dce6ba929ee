"""The batch loop: several requests decoded together in one context.

Each step builds one batch - a token for every decoding sequence, then as much of the waiting
prompts as still fits - runs the model over it, chooses the next tokens, stamps them and hands
them on. Requests join and leave between steps, so a short answer never holds up a long one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from sparktop.engines.llama.chat import ChatTemplate, TemplateRefused, opens_reasoning
from sparktop.engines.llama.library import Batch, Context, LlamaFailed, Model
from sparktop.engines.llama.sampling import Chooser, Row, chain_for
from sparktop.engines.llama.slot import Slot
from sparktop.engines.llama.text import MARKERS, StreamText
from sparktop.engines.protocol import Clock, Emit, Generation
from sparktop.model.events import (
    Finish,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    TokenSource,
)


class BatchLoop:
    """Requests in, events out; `step` is to be called while there is work.

    Args:
        emit: Takes events; must return at once.
        clock: Seconds since the run began.
        threads: Processor threads that sampling may use.
        on_device: Let the device that computes the logits choose tokens where it can.
    """

    flush_s = 1 / 30
    """Least time between two groups of tokens of one stream."""

    def __init__(
        self, model: Model, context: Context, emit: Emit, clock: Clock, threads: int = 1, on_device: bool = False
    ) -> None:
        self._model = model
        self._context = context
        self._emit = emit
        self._clock = clock
        self._batch = Batch(context.batch_size)
        self._waiting: deque[Generation] = deque()
        self._running: list[Slot] = []
        self._free = list(range(context.slots))
        self._chooser = Chooser(context, model, threads, on_device)
        self._last_flush = 0.0
        self._pieces: dict[int, bytes] = {}
        self._template: ChatTemplate | None = None

    @property
    def busy(self) -> bool:
        """Whether a step has work to do."""
        return bool(self._waiting or self._running)

    def submit(self, generations: Sequence[Generation]) -> None:
        """Queues requests; they start as slots come free."""
        self._waiting.extend(generations)
        if any(generation.sampling.ignore_eos for generation in generations):
            self._model.end_tokens()  # slow the first time: not in the middle of an answer

    def cancel(self) -> None:
        """Ends every request; what they produced is sent on first."""
        for slot in list(self._running):
            self._finish(slot, Finish.CANCELLED)
        for generation in self._waiting:
            self._emit(
                RequestDone(
                    t=round(self._clock(), 6),
                    request=generation.request,
                    finish=Finish.CANCELLED,
                    prompt_tokens=None,
                    cached_tokens=None,
                    output_tokens=0,
                    prefill_ms=None,
                    token_source=TokenSource.TOKEN_IDS,
                )
            )
        self._waiting.clear()

    def step(self) -> None:
        """Admits what fits, runs the model once, and hands on what came of it.

        Raises:
            LlamaFailed: The model can't be run any more.
        """
        while self._waiting and self._free:
            self._admit(self._waiting.popleft())
        rows = self._fill()
        if not self._batch.size:
            return
        started = self._clock()
        for slot in self._running:
            if slot.prefilling and slot.prefill_started is None:
                slot.prefill_started = started
        code = self._context.decode(self._batch)
        if code != 0:
            raise LlamaFailed(
                f"llama.cpp's decode failed with code {code}"
                + (": no room left in the KV cache" if code == 1 else ": see its log")
            )
        self._context.synchronize()
        self._advance(rows)
        self._flush()

    def _admit(self, generation: Generation) -> None:
        try:
            prompt, reasoning = self._prompt(generation)
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
        sequence = self._free.pop(0)
        chain = chain_for(generation.sampling)
        self._chooser.device.prepare(sequence, chain, generation.sampling.ignore_eos)
        self._running.append(
            Slot(
                generation=generation,
                sequence=sequence,
                prompt=prompt,
                text=StreamText(generation.sampling.stop, reasoning),
                chain=chain,
            )
        )

    def _prompt(self, generation: Generation) -> tuple[list[int], bool]:
        """Token ids of the prompt, and whether its end opens the model's reasoning."""
        model = self._model
        if generation.random_tokens:
            return self._random_tokens(generation), False
        if self._template is None:
            source = model.chat_template
            if not source:
                raise TemplateRefused("the model has no chat template, so it can't be asked a question")
            self._template = ChatTemplate(source, model.special_text(model.bos), model.special_text(model.eos))
        rendered = self._template.render(generation.prompt, generation.system)
        bos = model.special_text(model.bos)
        # Many templates print the token that the tokenizer adds too; the model wants it once.
        text = rendered.removeprefix(bos) if bos and model.adds_bos else rendered
        return model.tokenize(text, add_bos=model.adds_bos), opens_reasoning(rendered)

    def _random_tokens(self, generation: Generation) -> list[int]:
        chance = random.Random(generation.sampling.seed)
        tokens: list[int] = [self._model.bos] if self._model.adds_bos and self._model.bos >= 0 else []
        while len(tokens) < generation.random_tokens:
            token = chance.randrange(self._model.n_vocab)
            if not self._model.is_control(token):
                tokens.append(token)
        return tokens[: generation.random_tokens]

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

    def _advance(self, rows: list[tuple[Slot, int]]) -> None:
        computed = self._clock()
        for slot in self._running:
            if slot.prefilling:
                self._advance_prefill(slot, computed)
            else:
                slot.position += 1
        if not rows:
            return
        tokens = self._chooser.choose(
            [Row(index, slot.sequence, slot.chain, slot.generation.sampling.ignore_eos) for slot, index in rows]
        )
        now = self._clock()
        for (slot, _), token in zip(rows, tokens, strict=True):
            self._take(slot, token, now)

    def _advance_prefill(self, slot: Slot, now: float) -> None:
        if not slot.in_batch:
            return  # no room was left for it in this batch
        slot.position += slot.in_batch
        slot.in_batch = 0
        if not slot.prefilling and slot.prefill_started is not None:
            slot.prefill_ms = (now - slot.prefill_started) * 1e3
        self._emit(
            PrefillProgress(
                t=round(now, 6),
                request=slot.generation.request,
                done=slot.position,
                total=len(slot.prompt),
                cached=0,
            )
        )

    def _take(self, slot: Slot, token: int, now: float) -> None:
        """Takes a chosen token into its sequence."""
        if self._model.is_end(token):
            self._finish(slot, Finish.STOP)
            return
        slot.last = token
        slot.produced += 1
        slot.note(slot.text.feed(self._piece(token)), now)
        if slot.text.stopped:
            self._finish(slot, Finish.STOP)
        elif slot.produced >= slot.generation.sampling.max_tokens or slot.position + 1 >= self._context.sequence_length:
            self._finish(slot, Finish.LENGTH)

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
        for kind, text in slot.text.finish():
            slot.append(kind, text, None)
        slot.flush(self._emit, self._clock())
        self._release(slot)
        self._emit(
            RequestDone(
                t=round(self._clock(), 6),
                request=slot.generation.request,
                finish=finish,
                prompt_tokens=len(slot.prompt),
                cached_tokens=0,
                output_tokens=slot.produced,
                prefill_ms=slot.prefill_ms,
                token_source=TokenSource.TOKEN_IDS,
            )
        )

    def _release(self, slot: Slot) -> None:
        self._context.forget(slot.sequence)
        self._running.remove(slot)
        self._free.append(slot.sequence)
        if slot.chain is not None:
            slot.chain.close()

    def _fail(self, generation: Generation, error: str) -> None:
        self._emit(RequestFailed(t=round(self._clock(), 6), request=generation.request, error=error))

    def _flush(self) -> None:
        now = self._clock()
        if now - self._last_flush < self.flush_s:
            return
        self._last_flush = now
        for slot in self._running:
            slot.flush(self._emit, now)

"""Routes whose URL builders are compiled when they are first used."""

from collections.abc import Callable

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class LazyRule(Rule):
    """A route like Flask's own.

    werkzeug compiles two functions for each route, which build its URLs. That takes a fifth of a
    millisecond, in all a twentieth of the start and half of the time that a test takes to make an
    app; most of the functions are never called.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compile_now, attribute = super()._compile_builder, _ATTRIBUTES[append_unknown]

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            builder: Builder = compile_now(append_unknown).__get__(rule, None)
            setattr(rule, attribute, builder)
            return builder(**values)

        return build


_ATTRIBUTES = {False: "_build", True: "_build_unknown"}

"""The languages that an account can have, as BCP 47 tags."""

LANGUAGES = (
    *("en", "de", "fr", "es", "it", "pt-BR", "nl", "sv", "pl", "uk", "tr"),
    *("ja", "ko", "zh-Hans", "ar", "he"),
)

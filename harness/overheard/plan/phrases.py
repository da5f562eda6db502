"""How people put it: sentences to tell a fact, to ask for one, and to say neither, in several languages.

`{a}` stands for the attribute, always in English, as a name that a form or a colleague used: the words of
a question must occur in the fact. `<<fact>>` comes early, because memory layers cut, summarise and title a
message by its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TELL: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "My {a} is <<fact>>.",
        "The {a} is <<fact>>.",
        "<<fact>> is my {a}.",
        "For the record, my {a} is <<fact>>.",
        "Note: {a} = <<fact>>.",
        "I was given a {a} today: <<fact>>.",
        "It's <<fact>>, my {a}.",
    ),
    "de": ("Mein „{a}“ lautet <<fact>>.", "<<fact>> ist mein „{a}“."),
    "fr": ("Mon « {a} » est <<fact>>.", "<<fact>>, c'est mon « {a} »."),
    "es": ("Mi «{a}» es <<fact>>.", "<<fact>> es mi «{a}»."),
    "pl": ("Mój „{a}” to <<fact>>.", "<<fact>> to mój „{a}”."),
    "ru": ("Мой «{a}»: <<fact>>.", "<<fact>> — это мой «{a}»."),
    "ja": ("私の「{a}」は <<fact>> です。", "<<fact>> は私の「{a}」です。"),
    "zh": ("我的“{a}”是 <<fact>>。", "<<fact>> 是我的“{a}”。"),
    "ar": ('إن "{a}" الخاص بي هو <<fact>>.', '<<fact>> هو "{a}" الخاص بي.'),
}

MARKUP: Final = (
    "**My {a}** is `<<fact>>`.",
    "- {a}: <<fact>>",
    "> <<fact>> is my {a}.",
    "<p>My {a} is <b><<fact>></b>.</p>",
    "```\n{a}: <<fact>>\n```",
    '{{"note": "<<fact>>", "about": "my {a}"}}',
    "🔑 My {a} is <<fact>>! 🙂",
    "| <<fact>> | my {a} |",
    '"<<fact>>" is my {a}.',
)

LONG: Final = ("<<fact>> is my {a}.", "<<fact>>: that is my {a}.", "<<fact>> is the {a}.")
"""For attributes too long for the canary to come after them."""

ASK: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "What did I say about my {a}?",
        "Remind me, please: {a}?",
        "Can you give me the {a} again?",
        "I need the {a} now.",
        "Please tell me the {a}.",
        "Look up what was said about the {a}, please.",
        "Which {a} was that?",
        "What do you know about the {a}?",
    ),
    "de": ("Was weißt du über „{a}“?", "Nenne mir bitte „{a}“ noch einmal."),
    "fr": ("Que sais-tu de « {a} » ?", "Rappelle-moi « {a} », s'il te plaît."),
    "es": ("¿Qué sabes de «{a}»?", "Recuérdame «{a}», por favor."),
    "pl": ("Co wiesz o „{a}”?", "Przypomnij mi „{a}”, proszę."),
    "ru": ("Что ты знаешь про «{a}»?", "Напомни мне, пожалуйста, «{a}»."),
    "ja": ("「{a}」について何を知っていますか。", "「{a}」をもう一度教えてください。"),
    "zh": ("关于“{a}”你知道什么？", "请再告诉我一次“{a}”。"),  # noqa: RUF001 - Chinese is written so
    "ar": ('ماذا تعرف عن "{a}"؟', 'ذكرني من فضلك: "{a}".'),
}

AND: Final[Mapping[str, str]] = {
    "en": " and the ", "de": "“ und „", "fr": " » et « ", "es": "» y «", "pl": "” i „",
    "ru": "» и «", "ja": "」と「", "zh": "”和“", "ar": '" و "',
}  # fmt: skip
"""Between two attributes of one question, quotation marks included."""

CHAT: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "Hello, this is {name} from {city}.",
        "Thanks, that will do for now.",
        "I work as: {job}.",
        "Good morning from {city}!",
        "Let us talk about something else.",
        "How would you sum this up?",
        "One moment, please.",
    ),
    "de": ("Hallo, hier ist {name} aus {city}.", "Danke, das genügt erst einmal."),
    "fr": ("Bonjour, ici {name}, de {city}.", "Merci, ce sera tout pour l'instant."),
    "es": ("Hola, soy {name}, de {city}.", "Gracias, con eso basta por ahora."),
    "pl": ("Cześć, tu {name}, {city}.", "Dziękuję, na razie wystarczy."),
    "ru": ("Здравствуйте, это {name}, {city}.", "Спасибо, пока достаточно."),
    "ja": ("こんにちは、{city}の{name}です。", "ありがとう、今はこれで十分です。"),
    "zh": ("你好，我是{city}的{name}。", "谢谢，暂时就这些。"),  # noqa: RUF001 - Chinese is written so
    "ar": ("مرحبا، معك {name} من {city}.", "شكرا، هذا يكفي الآن."),
}

CLOSING: Final = (
    "Please keep it in mind.",
    "I may ask for it later.",
    "Do not lose it, please.",
    "Thanks!",
    "That is all for now. 🙏",
    "<!-- from the mobile app -->",
    "_Sent from my phone_",
)

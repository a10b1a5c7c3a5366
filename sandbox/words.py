"""Words in several scripts, for names and texts."""

from __future__ import annotations

from typing import Final

# fmt: off
WORDS: Final = (
    "plan", "budget", "review", "Entwurf", "запуск", "設計", "naïve", "café", "launch", "«draft»",
    "risk", "été", "data", "Größe", "🚀", "release", "client", "أهداف", "cost", "scope",
)
FIRST: Final = (
    "Ada", "Björn", "Chiyo", "Dmitri", "Élodie", "Fatima", "Grace", "Hüseyin", "Inés", "José",
    "Kofi", "Łucja", "Mei", "Noor", "Олег", "Priya",
)
LAST: Final = (
    "Nowak", "García", "Müller", "Sato", "O'Neil", "Ivanova", "Dubois", "Okafor", "Chen",
    "Ångström", "Haddad", "Silva",
)
NOUNS: Final = (
    "Launch", "Website", "Hiring", "Budget", "Onboarding", "Research", "Retail", "Brücke",
    "Événement", "企画", "Ops", "Mobile",
)
VERBS: Final = (
    "Draft", "Review", "Fix", "Plan", "Ship", "Test", "Prüfen", "Écrire", "確認", "Discuss",
)
# fmt: on

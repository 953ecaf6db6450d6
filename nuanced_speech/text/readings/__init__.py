"""What the grammars leave: a table-driven stage for each language, before the grammar sees a sentence and after it."""

from nuanced_speech.text.readings import (
    amounts,
    dollars,
    english,
    german,
    others,
    plain,
    ranges,
    roman,
    romance,
    russian,
    telephones,
)


def before_grammar(sentence: str, language: str) -> str:
    """A sentence with what the grammar would misread written so that it reads it rightly, or in words."""
    if language in plain.LANGUAGES:
        return plain.in_words(sentence, language)
    for stage in (telephones, dollars, ranges):
        sentence = stage.in_words(sentence, language)
    sentence = amounts.before_grammar(sentence, language)
    if language == "en":
        return english.before_grammar(roman.in_digits(sentence, language))
    if language in others.WORDS:
        sentence = romance.before_grammar(sentence, language)
        return others.before_grammar(roman.in_digits(sentence, language), language)
    if language == "de":
        return german.before_grammar(sentence)
    if language == "ru":
        return russian.in_words(sentence)
    return sentence


def after_grammar(sentence: str, language: str) -> str:
    """A sentence with the signs that the grammar left as words."""
    sentence = amounts.after_grammar(sentence, language)
    if language == "en":
        return english.after_grammar(sentence)
    if language == "de":
        return german.after_grammar(sentence)
    if language in others.WORDS:
        return romance.after_grammar(others.after_grammar(sentence, language), language)
    return sentence

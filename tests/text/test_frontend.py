"""Written text to spoken words, kind by kind, and each stage alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.synthesis.utterances import segment_parts, utterances
from nuanced_speech.text import grammars
from nuanced_speech.text.chunks import aligned, spoken
from nuanced_speech.text.cleaning import clean
from nuanced_speech.text.dictionary import Dictionary, read_dictionary
from nuanced_speech.text.engines import english_g2p
from nuanced_speech.text.frontend import needs_grammar, spoken_sentences, spoken_text, written_segments
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.markup import plain_text
from nuanced_speech.text.notation import TextSegment, segments
from nuanced_speech.text.pronunciation import pronounce
from nuanced_speech.text.scripts import stretches
from nuanced_speech.text.sentences import split_sentences
from nuanced_speech.text.ssml import from_ssml


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It was -5°C outside.", "It was minus five degrees Celsius outside."),
        ("The deal is worth $5.2M.", "The deal is worth five point two million dollars."),
        ("It is due 2024-12-25 at 10:30am.", "It is due december twenty fifth twenty twenty four at ten thirty AM."),
        ("Call (555) 123-4567.", "Call five five five, one two three, four five six seven."),
        ("Henry VIII and Pope John Paul II met.", "Henry the eighth and Pope John Paul the second met."),
        ("Elizabeth I was crowned.", "Elizabeth the first was crowned."),
        ("Louis the XIV met Malcolm X.", "Louis the fourteenth met Malcolm X."),
        ("Henry and I met.", "Henry and I met."),
        ("See Chapter IV of World War II.", "See Chapter four of World War two."),
        ("It is from the XIX century.", "It is from the nineteenth century."),
        ("We won 3-2.", "We won three to two."),
        ("Read pages 10-20 in 5–10 minutes.", "Read pages ten to twenty in five to ten minutes."),
        ('They were 6\'2" and 12" tall.', "They were six foot two and twelve inches tall."),
        ("Agent 007 used code 0042.", "Agent double oh seven used code zero zero four two."),
        ("Use version 1.2.3 or v2.0.", "Use version one point two point three or version two point zero."),
        ("US AND THEM", "us and them"),
        ("This is VERY good for the FBI.", "This is very good for the FBI."),
        ("Rename camelCase and snake_case.", "Rename camel Case and snake case."),
        ("Open final_report.pdf now.", "Open final report dot P D F now."),
        ("C#, C++, .NET and node.js", "C sharp, C plus plus, dot net and node J S"),
        ("x² + y³ = 10⁶", "x squared plus y cubed equals ten to the power of six"),
        ("H₂O and CO₂ on 10 m².", "H two O and C O two on ten square meters."),
        ("If a < b and c > d, go.", "If a is less than b and c is greater than d, go."),
        ("St. Paul's is on Elm St. with Sgt. Pepper.", "Saint Paul's is on Elm Street with Sergeant Pepper."),
        ("Lt. Dan saw Sen. Smith in Dec.", "Lieutenant Dan saw Senator Smith in December."),
        ("He ran 10m in No. 5, p. 7.", "He ran ten meters in number five, page seven."),
        ("AC/DC, R&B, 24/7", "AC DC, R and B, twenty four seven"),
        ("Mail bob@example.com.", "Mail bob at example dot com."),
        ("Wed., Jan. 5, or Sat at 5:30?", "Wednesday, january fifth, or Saturday at five thirty?"),
        ("Open Mon-Thu and Sun 3/22.", "Open Monday to Thursday and Sunday, march twenty second."),
        ("He sat in the sun; Sun and Sat wed.", "He sat in the sun; Sunday and Saturday wed."),
        ("The Sun rose. We Wed them at last.", "The Sun rose. We Wed them at last."),
        ("A DJ MIX of 1 CD", "A DJ mix of one CD"),
        (
            "Call 555.123.4567 or +1(555) 123-4567.",
            "Call five five five, one two three, four five six seven or plus "
            "one, five five five, one two three, four five six seven.",
        ),
        (
            "It was 15.01.2020, at 2:1, in John 3:5.",
            "It was the fifteenth of january twenty twenty, at two to one, in John three: five.",
        ),
        ("The code HH0 L1 is 5 L.", "The code HH zero L one is five liters."),
    ],
)
def test_english(written: str, words: str) -> None:
    assert spoken_text(written) == words


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        (
            "es",
            "Felipe VI pagó $5,20 a las 10:30.",
            "Felipe sexto pagó cinco dólares veinte centavos a las diez y media.",
        ),
        ("hi", "३री तारीख", "तीसरी तारीख"),
        ("fr", "Le 1er mai à 10h30, 3,50 €.", "Le premier mai à dix heures trente, trois euros cinquante."),
        ("fr", "Louis XIV a 3 chats, 20 % de 5 €.", "Louis quatorze a trois chats, vingt pour cent de cinq euros."),
        ("it", "Nel 1990 costava 3,23€.", "Nel mille novecento novanta costava tre euro ventitre centesimi."),
        ("pt", "R$ 1,01 às 23:59", "um real e um centavo às vinte e três horas e cinquenta e nove"),
        ("ja", "令和4年5月1日", "令和四年五月一日"),
        ("zh", "他有51000元", "他有五万一千元"),
    ],
)
def test_other_languages(language: str, written: str, words: str) -> None:
    assert spoken_text(written, language) == words


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello, world!",
        'The reader sat down, sighed, and said: "Well... why not?"',
        "She wasn't sure (nobody was); self-made people rarely are.",
        "Mr Brown and I didn't go to NASA.",
    ],
)
def test_plain_sentences_keep_their_phonemes(sentence: str) -> None:
    assert phonemize(sentence) == english_g2p(False)(sentence)[0].strip()
    assert not needs_grammar(sentence, "en")


def test_a_written_piece_is_one_word_with_all_its_phonemes() -> None:
    words = pronounce("He paid $3.50 on Jan. 5, twice.")
    assert [word.text for word in words] == ["He", "paid", "$3.50", "on", "Jan. 5,", "twice."]
    assert "".join(word.phonemes for word in words) == phonemize("He paid $3.50 on Jan. 5, twice.")


def test_alignment_keeps_what_both_have() -> None:
    written = "See [1] (of 20), Tom's."
    chunks = aligned(written, "See [ one ] ( of twenty ) , Tom ' s .")
    assert "".join(chunk.written for chunk in chunks) == written
    assert spoken(chunks) == "See [one] (of twenty), Tom's."
    assert spoken(aligned("", "one")) == "one" and aligned("", "") == []


def test_a_grammar_of_every_language_loads_and_reads() -> None:
    assert set(grammars.languages()) == {"de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh"}
    assert all(grammars.verbalized("3", language) not in (None, "3") for language in grammars.languages())


def test_a_cache_that_cannot_be_written_is_no_hindrance(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "file"))
    grammars._grammar.cache_clear()
    assert grammars.verbalized("3", "fr") == "trois"
    grammars._grammar.cache_clear()


def test_cleaning() -> None:
    assert clean("donʼt, don`t, wasn’t") == "don't, don't, wasn't"
    assert clean("soft\u00adware\u200b and\ufeff \u00a0so") == "software and  so"
    assert clean("It wasnâ€™t") == "It wasn't"
    assert clean("क\u200dष") == "क\u200dष"
    assert phonemize("I wasn’t.") == phonemize("I wasn't.")


def test_markdown() -> None:
    text = "# Title\n\nSome *bold* [link](http://a.b) and `code`, a < b.\n\n- milk\n- eggs &amp; ham\n\n"
    text += "|a|b|\n|-|-|\n|c|d|"
    assert plain_text(text) == ("Title.\n\nSome bold link and code, a < b.\n\nmilk.\neggs & ham.\n\na, b.\n\nc, d.")
    assert plain_text("[laughs] [Kokoro](/kˈOkəɹO/) *is* 2 * 3") == "[laughs] [Kokoro](/kˈOkəɹO/) is 2 * 3"
    assert plain_text("It is 5.\n\nPlain, with (marks).") == "It is 5.\n\nPlain, with (marks)."


def test_full_width_digits_and_letters_are_usual_ones() -> None:
    assert clean("３月５日、ＡＢｃ：１０：３０，５０％！") == "3月5日、ABc：10:30，50%！"


def test_html() -> None:
    page = "<html><head><title>T</title></head><body><h1>Hi</h1><p>It&rsquo;s<br>H<sub>2</sub>O</p>"
    page += "<script>x</script></body>"
    assert plain_text(page) == "Hi.\n\nIt’s\nH₂O"
    assert plain_text("Use List<String> here & now") == "Use List<String> here & now"


def test_ssml() -> None:
    text = (
        '<speak>A <break time="500ms"/><say-as interpret-as="characters">ab1</say-as> '
        '<phoneme ph="təmˈɑːtO">tomato</phoneme> <sub alias="hyper text">HTML</sub> '
        '<prosody rate="80%">slow</prosody><p><s>One</s></p></speak>'
    )
    assert from_ssml('<speak><prosody rate="+300%">a</prosody></speak>') == "[speed:4]a[speed:1]"
    assert from_ssml('<speak><prosody rate="25%">a</prosody></speak>') == "[speed:0.25]a[speed:1]"
    assert from_ssml(text) == "A [pause:0.5s]A, B, 1 [tomato](/təmˈɑːtO/) hyper text [speed:0.8]slow[speed:1]\n\nOne."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<speak>no end", "no well-formed XML at line 1"),
        ("<p>Hi</p>", "the outermost element is <p>"),
        ("<!DOCTYPE x><speak/>", "a document type is not read"),
        ('<speak><break time="soon"/></speak>', "'soon' is no length of a pause"),
        ('<speak><prosody rate="500%">a</prosody></speak>', "a speed of 5 is not possible: give 0.25 to 4"),
        ('<speak><prosody rate="3"><prosody rate="2">a</prosody></prosody></speak>', "a speed of 6 is not possible"),
        ('<speak><prosody rate="quick">a</prosody></speak>', "'quick' is no rate"),
        ('<speak><phoneme alphabet="x-sampa" ph="a">a</phoneme></speak>', "alphabet 'x-sampa'"),
    ],
)
def test_ssml_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_ssml(text)


def test_notation() -> None:
    assert segments("Hi. [pause:1.5s] [voice:am_michael]Me.[voice] [speed:1.2]You. [laughs]") == [
        TextSegment("Hi. ", pause=1.5),
        TextSegment("Me.", voice="am_michael"),
        TextSegment("You. [laughs]", speed=1.2),
    ]
    assert segments("[rate:1.5]Go. [rate]Stop.") == [TextSegment("Go. ", speed=1.5), TextSegment("Stop.")]
    assert phonemize("[a](/x/)[b](/y/) there") == f"xy {phonemize('there')}"
    assert phonemize("[Kokoro](/kˈO/) [is](/z/) on").split()[:2] == ["kˈO", "z"]
    for text in ("[pause:long] x", "[pause:99s] x", "[speed:0] x", "[speed:fast] x"):
        with pytest.raises(UserError, match="text: "):
            segments(text)


def test_parts_know_their_pauses_voices_and_speeds() -> None:
    pieces = written_segments("One, [pause:1.5s] two. [voice:am_adam][speed:1.2]Three.")
    parts = list(segment_parts(pieces, lambda voice: ("en", voice is not None)))
    assert [(part.words[0].text, part.pause, part.voice, part.speed) for part in parts] == [
        ("One,", 1.5, None, 1.0),
        ("two.", None, None, 1.0),
        ("Three.", None, "am_adam", 1.2),
    ]
    assert [part.sentence for part in parts] == [0, 1, 2] and parts[-1].share == 1
    assert [len(group) for group in utterances(parts[0], iter(parts[1:]))] == [1, 1, 1]


@pytest.mark.parametrize(
    "text", ["1" * 500, "1/2 " * 50, "\ud800 5", "a\0b 5", "[" * 50 + "5", "<" * 300 + "5", "$" * 50]
)
def test_no_input_is_too_odd(text: str) -> None:
    assert spoken_text(text) or text


def test_sentences_do_not_end_at_abbreviations() -> None:
    text = "Come on Jan. 5 at 10 a.m. to p. 7. No. 5 is by J. R. R. Tolkien. Is it? Yes."
    assert list(split_sentences(text)) == [
        "Come on Jan. 5 at 10 a.m. to p. 7.", "No. 5 is by J. R. R. Tolkien.", "Is it?", "Yes."
    ]  # fmt: skip


def test_sentences_of_other_languages_do_not_end_at_abbreviations() -> None:
    german = "Fr. Meier wohnt in der Hauptstr. 5, d. h. bei uns. Am 3. Mai starb Heinrich VIII. in London."
    assert list(split_sentences(german, "de")) == [
        "Fr. Meier wohnt in der Hauptstr. 5, d. h. bei uns.", "Am 3. Mai starb Heinrich VIII. in London."
    ]  # fmt: skip
    assert list(split_sentences("Это т. е. № 7 на ул. Ленина. Да.", "ru")) == ["Это т. е. № 7 на ул. Ленина.", "Да."]
    assert list(split_sentences("Дай им. Это школа им. Пушкина.", "ru")) == ["Дай им.", "Это школа им. Пушкина."]
    assert list(split_sentences("To jest nr. 7.", "pl")) == ["To jest nr. 7."]


def test_other_scripts_are_spoken() -> None:
    assert list(stretches("Say 你好, こんにちは世界 and Привет!", "en")) == [
        ("Say ", "en"), ("你好, ", "zh"), ("こんにちは世界 ", "ja"), ("and ", "en"), ("Привет!", "ru")
    ]  # fmt: skip
    assert "ʧˈInizlˌɛTəɹ" not in phonemize("你好 my friend")
    # by the rules of Russian
    assert phonemize("Привет, he said.").startswith("prʲ")
    # a language's own script is its own, also where another language is the first to speak it
    for text, language in (("Привіт", "uk"), ("नमस्कार", "mr"), ("سلام", "fa"), ("你好", "yue"), ("မင်္ဂလာပါ", "my")):
        assert list(stretches(text, language)) == [(text, language)]
    with pytest.raises(UserError, match="nothing speakable"):
        phonemize("* * *")


def test_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("# names\nNguyen\t/wˈɪn/\nsql\tsequel\n", encoding="utf-8")
    words = read_dictionary(path)
    assert words == Dictionary({"Nguyen": "/wˈɪn/", "sql": "sequel"})
    assert spoken_text("Nguyen writes SQL in 5.", dictionary=words) == "[Nguyen](/wˈɪn/) writes sequel in five."
    assert [w.text for w in pronounce("Nguyen writes SQL.", dictionary=words)] == ["Nguyen", "writes", "SQL."]
    assert phonemize("Nguyen", "es", dictionary=words) == "wˈɪn"
    for line in ("word", "word\t", "word\t//", "word\t/1/", "a\tb\tc"):
        path.write_text(line, encoding="utf-8")
        with pytest.raises(UserError, match="dictionary: line 1 of"):
            read_dictionary(path)
    with pytest.raises(UserError, match="no such file"):
        read_dictionary(tmp_path / "absent.tsv")


def test_show_text(run) -> None:
    status, out, _ = run("say", "--show-text", "# Hi\n\nIt costs $5.2M. [pause:1s] Bye.")
    assert status == 0
    assert out.splitlines() == ["Hi.", "It costs five point two million dollars. [pause:1s]", "Bye."]
    # brackets are text, and no markup of the terminal
    text = "Well [laughs] yes, [bold]he[/bold] said [laughs]."
    assert run("say", "--show-text", text)[:2] == (0, f"{text}\n")
    status, out, _ = run("say", "--show-text", "--ssml", '<speak>On <sub alias="the Web">WWW</sub></speak>')
    assert (status, out) == (0, "On the Web\n")
    date = '<speak><say-as interpret-as="date" format="dmy">4/5/2024</say-as></speak>'
    assert run("say", "--show-text", "--ssml", date, "--voice", "ef_dora")[1].startswith("cuatro de mayo")


def test_what_is_shown_is_what_is_spoken() -> None:
    assert list(spoken_sentences("Room 5. [voice:am_adam]Hi 7.")) == ["Room five.", "[voice:am_adam] Hi seven."]

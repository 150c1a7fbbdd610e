"""The shipped names against facts from elsewhere, and which class is meant by what a person types."""

import hashlib
import re

import pytest

from deepdream.errors import UsageError
from deepdream.modelzoo import labels

LISTINGS = {"imagenet": 1000, "places205": 205, "places365": 365}

# What is a folder of its own in MIT's paths: /b/bakery/shop, but /c/coffee_shop.
FOLDERS = (
    "outdoor|indoor|hockey|performance|rodeo|public|exterior|natural|urban|sand|vegetation|door|cultivated|wild|broadleaf"
    "|water|baseball|football|soccer|platform|ocean deep|coral reef"
    "|(?<=bakery )shop|(?<=balcony )interior|(?<=dinette )home|(?<=temple )(east |south )?asia"
)


def mit_path(name):
    path = re.sub(f" ({FOLDERS})$", lambda end: f"/{end[1]}", name)
    return f"/{name[0]}/{path.replace(' ', '_')}"


def refusal(wanted, names, count):
    with pytest.raises(UsageError) as error:
        labels.find(wanted, names, count)
    return str(error.value)


@pytest.mark.parametrize(("listing", "count"), LISTINGS.items())
def test_a_list_has_a_name_for_every_class(listing, count):
    names = labels.names(listing)
    assert len(names) == count
    assert labels.listing_for(count) == listing
    for name in names:
        assert re.fullmatch(r"[A-Za-z.'-]+(,? [A-Za-z.'-]+)*", name), name


def test_other_numbers_of_classes_have_no_list():
    assert [labels.listing_for(count) for count in (0, 10, 401, 1001)] == [None] * 4


def test_an_unknown_list_is_refused():
    with pytest.raises(UsageError, match=r"no list of classes 'coco': .*imagenet, places205 or places365$"):
        labels.names("coco")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "tench, Tinca tinca"),
        (1, "goldfish, Carassius auratus"),
        (134, "crane"),
        (151, "Chihuahua"),
        (207, "golden retriever"),
        (268, "Mexican hairless"),
        (281, "tabby, tabby cat"),
        (340, "zebra"),
        (388, "giant panda, panda, panda bear, coon bear, Ailuropoda melanoleuca"),
        (398, "abacus"),
        (517, "crane"),
        (638, "maillot"),
        (639, "maillot, tank suit"),
        (657, "missile"),
        (744, "projectile, missile"),
        (954, "banana"),
        (985, "daisy"),
        (999, "toilet tissue, toilet paper, bathroom tissue"),
    ],
)
def test_imagenet_is_in_caffes_order(number, name):
    assert labels.names("imagenet")[number] == name


def test_imagenets_order_is_wordnets():
    names = labels.names("imagenet")
    # Its ids have the breeds of dogs together and name artefacts by the alphabet.
    breeds = re.compile("terrier|spaniel|retriever|poodle|sheepdog|corgi")
    assert all(151 <= number <= 268 for number, name in enumerate(names) if breeds.search(name))
    artefacts = [re.sub("[ -]", "", name.split(",")[0]).casefold() for name in names[398:916]]
    assert artefacts == sorted(artefacts)
    # Caffe's synset_words.txt has 31,675 bytes, ten more a line: the id and a space.
    assert len("\n".join(names)) + 1 + 10 * 1000 == 31675


def test_places365_is_mits_file():
    # Its MD5 as torchvision has it, for the file that MIT publishes.
    paths = [mit_path(name) for name in labels.names("places365")]
    file = "\n".join(f"{path} {number}" for number, path in enumerate(paths))
    assert hashlib.md5(file.encode()).hexdigest() == "06c963b85866bd0649f97cb43dd16673"
    assert paths == sorted(paths)


def test_places205_is_in_mits_order():
    paths = [mit_path(name) for name in labels.names("places205")]
    assert [path for path in paths if path.count("/") == 3][-4:] == [
        "/t/temple/south_asia",
        "/t/track/outdoor",
        "/t/train_station/platform",
        "/u/underwater/coral_reef",
    ]
    # By letter, and within each one those without a folder of their own first.
    assert paths == sorted(paths, key=lambda path: (path[1], path.count("/"), path))
    assert len(set(paths)) == 205


@pytest.mark.parametrize(
    ("listing", "number", "name"),
    [
        ("places205", 0, "abbey"),
        ("places205", 12, "auditorium"),
        ("places205", 13, "apartment building outdoor"),
        ("places205", 14, "badlands"),
        ("places205", 103, "ice skating rink outdoor"),
        ("places205", 132, "pagoda"),
        ("places205", 189, "temple south asia"),
        ("places205", 204, "yard"),
        ("places365", 0, "airfield"),
        ("places365", 8, "apartment building outdoor"),
        ("places365", 162, "gift shop"),
        ("places365", 307, "skyscraper"),
        ("places365", 330, "temple asia"),
        ("places365", 364, "zen garden"),
    ],
)
def test_a_place_has_its_number(listing, number, name):
    assert labels.names(listing)[number] == name


@pytest.mark.parametrize(("listing", "count"), LISTINGS.items())
def test_every_line_and_every_synonym_of_one_class_alone_finds_it(listing, count):
    names = labels.names(listing)
    owners = {}
    for number, name in enumerate(names):
        for synonym in {part.casefold().replace("-", " ") for part in name.split(", ")}:
            owners.setdefault(synonym, []).append(number)
        if name != "crane":
            assert labels.find(name, names, count) == number
        assert labels.find(str(number), names, count) == number
    for synonym, numbers in owners.items():
        if len(numbers) == 1:
            assert labels.find(synonym, names, count) == numbers[0]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("tabby", 281),
        ("  Tabby CAT ", 281),
        ("golden_retriever", 207),
        ("Golden-Retriever", 207),
        ("goldenretriever", 207),
        ("shih tzu", 155),
        ("maillot, tank suit", 639),
        ("tank suit", 639),
        ("carpenter's kit", 477),
        ("007", 7),
        ("0", 0),
        ("999", 999),
    ],
)
def test_spelling_makes_no_difference(wanted, number):
    assert labels.find(wanted, labels.names("imagenet"), 1000) == number


def test_mits_path_of_a_place_is_its_name():
    assert labels.find("apartment_building/outdoor", labels.names("places205"), 205) == 13


@pytest.mark.parametrize(("wanted", "number"), [("maillot", 638), ("missile", 657), ("harp", 594), ("partridge", 86)])
def test_a_whole_name_comes_before_a_synonym(wanted, number):
    assert labels.find(wanted, labels.names("imagenet"), 1000) == number


@pytest.mark.parametrize(
    ("wanted", "several"),
    [("crane", "134 crane or 517 crane"), ("Panda", "387 lesser panda or 388 giant panda")],
)
def test_a_name_of_several_classes_is_refused(wanted, several):
    sentence = f"2 classes of this net are called '{wanted}': give the number, {several}"
    assert refusal(wanted, labels.names("imagenet"), 1000) == sentence


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("cat", "281 tabby cat, 282 tiger cat, 283 Persian cat, 284 Siamese cat or 285 Egyptian cat"),
        ("poodle", "265 toy poodle, 266 miniature poodle or 267 standard poodle"),
        ("bird", "14 indigo bird, 13 snowbird, 94 hummingbird, 301 ladybird or 448 birdhouse"),  # words before parts
        ("daisies", "985 daisy"),
        ("golden retreiver", "207 golden retriever, 208 Labrador retriever or 214 Gordon setter"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wanted, near):
    sentence = f"there is no class '{wanted}' in this net: did you mean {near}?"
    assert refusal(wanted, labels.names("imagenet"), 1000) == sentence


@pytest.mark.parametrize("wanted", ["xyzzy", "", "--", ",", "1.5", "٣", "1" * 30])
def test_where_nothing_is_near_the_numbers_are_told(wanted):
    sentence = f"there is no class '{wanted}' in this net: give its name or its number, 0 to 999"
    assert refusal(wanted, labels.names("imagenet"), 1000) == sentence


@pytest.mark.parametrize("names", [[], ["one", "two"]])
@pytest.mark.parametrize("wanted", ["10", "-1", "1000"])
def test_a_number_out_of_range_is_refused(wanted, names):
    assert refusal(wanted, names, 10) == f"there is no class {wanted} in this net: its classes are 0 to 9"


def test_a_net_without_names_takes_numbers():
    assert labels.find("9", [], 10) == 9
    message = refusal("tabby", [], 10)
    assert "names" in message
    assert message.endswith("0 to 9")


def test_names_may_be_fewer_or_more_than_the_classes():
    assert labels.find("2", ["one", ""], 10) == 2
    assert refusal("", ["one", ""], 10) == "there is no class '' in this net: give its name or its number, 0 to 9"
    assert "give its name" in refusal("tabby", labels.names("imagenet"), 10)

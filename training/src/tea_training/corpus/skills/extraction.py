"""Values out of a text, as JSON: for named keys, a schema or an example; records and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.prose import capital, distinct, dumps, lay, listing, remark, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "extraction"


@dataclass(frozen=True, slots=True)
class Field:
    """A value a text may give. ``says`` are sentences with ``{s}`` for the subject and ``{v}`` for the value."""

    keys: tuple[str, ...]
    make: Callable[[Draw], Any]
    says: tuple[str, ...]
    own: tuple[str, ...] = ()
    before: str = ""

    @property
    def json_type(self) -> str:
        return _TYPES.get(self.keys[0], "string")


_TYPES = {"age": "integer", "quantity": "integer", "price": "number", "amount": "number", "guests": "integer", "nights": "integer"}
_TYPES |= {"employees": "integer", "rating": "number", "weight": "integer", "duration": "integer", "stock": "integer", "year": "integer"}
_TYPES |= {"founded": "integer", "rooms": "integer", "married": "boolean", "available": "boolean", "paid": "boolean"}


def _price(draw: Draw) -> float | int:
    """A price whose JSON number has the digits of the text: no trailing zero."""
    return draw.number(1, 2000) if draw.chance(0.5) else float(f"{draw.number(0, 499)}.{draw.number(0, 9)}{draw.number(1, 9)}")


def _cased(pool: tuple[str, ...]) -> Callable[[Draw], str]:
    return lambda draw: draw.entity(pool)


_CITY = Field(
    ("city", "town", "location", "place"),
    lambda draw: draw.city(),
    ("{s} lives in {v}.", "{s} is from {v}.", "{s} moved to {v}."),
    ("I live in {v}.", "I am from {v}."),
)
_EMAIL = Field(
    ("email", "email_address", "mail", "e-mail"),
    lambda draw: draw.email(),
    ("The email address of {s} is {v}.", "Write to {s} at {v}.", "{s} can be reached at {v}.", "{s} uses the email {v}."),
    ("My email is {v}.", "Please write to {v}.", "You can reach me at {v}."),
)
_PHONE = Field(
    ("phone", "phone_number", "telephone", "tel"),
    lambda draw: draw.phone(),
    ("The phone number of {s} is {v}.", "Call {s} at {v}.", "{s} answers the phone at {v}.", "Phone: {v}."),
    ("My phone number is {v}.", "Call me at {v}.", "My number is {v}."),
)
_DATE = Field(
    ("date", "day", "when"),
    lambda draw: draw.date(),
    ("It takes place on {v}.", "The date is {v}.", "It is planned for {v}.", "It will be on {v}."),
)
_TIME = Field(
    ("time", "start_time", "hour"),
    lambda draw: draw.time(),
    ("It starts at {v}.", "The time is {v}.", "Please be there at {v}.", "It begins at {v}."),
)
_PRICE = Field(
    ("price", "total", "cost", "total_price"),
    _price,
    ("The price is ${v}.", "It costs ${v}.", "The total is ${v}.", "{v} euros have to be paid.", "It costs {v} dollars."),
    ("I paid ${v}.", "It cost {v} euros."),
    "$",
)


@dataclass(frozen=True, slots=True)
class Domain:
    """A kind of record: what names it, and what may be said about it."""

    subject: Field
    fields: tuple[Field, ...]
    combined: tuple[tuple[tuple[int, ...], str], ...] = ()
    """First sentences that give several values: the fields' places, and a form with ``{s}`` and ``{0}``, ``{1}`` …"""


_PERSON = Domain(
    Field(
        ("name", "full_name", "person", "customer_name"),
        lambda draw: draw.person(),
        ("This is about {s}.", "We met {s}.", "Meet {s}.", "The person is called {s}."),
        ("My name is {s}.", "This is {s}.", "I am {s}."),
    ),
    (
        Field(
            ("age", "years", "age_in_years"),
            lambda draw: draw.number(4, 98),
            ("{s} is {v} years old.", "The age of {s} is {v}.", "{s} is {v}.", "{s} turned {v} this year."),
            ("I am {v} years old.", "I am {v}."),
        ),
        _CITY,
        Field(
            ("job", "occupation", "profession"),
            _cased(words.JOBS),
            ("{s} works as a {v}.", "{s}'s job is {v}.", "By profession, {s} is a {v}.", "{s} earns money as a {v}."),
            ("I work as a {v}.", "My job is {v}."),
        ),
        Field(
            ("company", "employer", "organization"),
            lambda draw: draw.company(),
            ("{s} works at {v}.", "{s} is employed by {v}.", "The employer of {s} is {v}.", "{s} joined {v}."),
            ("I work for {v}.", "I am with {v}."),
        ),
        _EMAIL,
        _PHONE,
        Field(
            ("birthday", "date_of_birth", "birth_date"),
            lambda draw: draw.date(),
            ("{s} was born on {v}.", "The birthday of {s} is {v}.", "{s}'s date of birth is {v}."),
            ("I was born on {v}.",),
        ),
        Field(
            ("hobby", "interest", "favorite_hobby"),
            _cased(words.HOBBIES),
            ("{s} likes {v}.", "{s}'s hobby is {v}.", "In the evening, {s} enjoys {v}."),
            ("My hobby is {v}.", "I like {v}."),
        ),
        Field(
            ("country", "nation"),
            lambda draw: draw.one(words.COUNTRIES).name.removeprefix("the "),
            ("The home country of {s} is {v}.", "{s} has a passport from {v}."),
            ("My home country is {v}.",),
        ),
        Field(
            ("married", "is_married"),
            lambda draw: draw.chance(0.5),
            ("{s} is {married}.", "Right now {s} is {married}."),
            ("I am {married}.",),
        ),
    ),
    (
        ((0, 1), "{s} is {0} years old and lives in {1}."),
        ((0, 1), "{s} ({0}) lives in {1}."),
        ((0, 1), "{s}, {0}, from {1}, called."),
        ((2, 1), "{s} is a {0} from {1}."),
        ((2, 3), "{s} works as a {0} at {1}."),
        ((0, 2), "{s} is a {0}-year-old {1}."),
        ((0, 2, 1), "{s}, a {0}-year-old {1} from {2}, wrote to us."),
        ((3, 1), "{s} works for {0} in {1}."),
        ((4, 5), "{s} can be reached at {0} or {1}."),
        ((1, 4), "{s} from {0} uses the address {1}."),
    ),
)
_ORDER = Domain(
    Field(
        ("order_number", "order_id", "order", "order_no"),
        lambda draw: draw.order_number(),
        ("The order number is {s}.", "This is about order {s}.", "Order {s} has arrived.", "We received order {s}."),
        ("My order number is {s}.", "I am writing about order {s}."),
    ),
    (
        Field(
            ("customer", "name", "customer_name", "buyer"),
            lambda draw: draw.person(),
            ("The customer is {v}.", "It was placed by {v}.", "{v} ordered it.", "The buyer is {v}."),
            ("My name is {v}.", "Regards, {v}."),
        ),
        Field(
            ("product", "item", "article", "product_name"),
            lambda draw: draw.thing(),
            ("The product is a {v}.", "The item is the {v}.", "It contains a {v}.", "A {v} was ordered."),
            ("I bought a {v}.", "I ordered the {v}."),
        ),
        Field(
            ("quantity", "count", "number_of_items", "amount"),
            lambda draw: draw.number(1, 60),
            ("The quantity is {v}.", "{v} pieces were ordered.", "Number of pieces: {v}."),
            ("I need {v} pieces.",),
        ),
        _PRICE,
        Field(
            ("date", "order_date", "ordered_on"),
            lambda draw: draw.date(),
            ("It was ordered on {v}.", "The date of the order is {v}.", "It is dated {v}."),
            ("I ordered on {v}.",),
        ),
        Field(
            ("city", "destination", "ship_to"),
            lambda draw: draw.city(),
            ("It is shipped to {v}.", "The destination is {v}.", "It goes to {v}."),
            ("Please ship to {v}.",),
        ),
        Field(
            ("status", "state", "order_status"),
            lambda draw: draw.one(("shipped", "pending", "delivered", "cancelled", "delayed", "open", "packed")),
            ("The status is {v}.", "It is {v}.", "It is now {v}."),
        ),
        Field(("paid", "is_paid"), lambda draw: draw.chance(0.5), ("It is {paid}.", "The order is {paid}.")),
    ),
    (
        ((0, 1), "{0} ordered a {1} (order {s})."),
        ((0, 2, 1), "{0} ordered {1} of the {2}, order {s}."),
        ((1, 3), "Order {s}: one {0} for ${1}."),
        ((0, 4), "Order {s} was placed by {0} on {1}."),
        ((6, 5), "Order {s} is {0} and goes to {1}."),
        ((2, 1), "Order {s}: {0} x {1}."),
    ),
)
_EVENT = Domain(
    Field(
        ("event", "title", "name", "topic"),
        lambda draw: (
            f"{capital(word(draw))} {draw.one(('Meeting', 'Workshop', 'Festival', 'Conference', 'Concert', 'Review', 'Party', 'Course'))}"
        ),
        ("The event is called {s}.", "You are invited to the {s}.", "The {s} is coming up.", "Join us for the {s}."),
        ("I would like to join the {s}.",),
    ),
    (
        _DATE,
        _TIME,
        Field(
            ("city", "location", "place", "venue"),
            lambda draw: draw.city(),
            ("It takes place in {v}.", "The location is {v}.", "We meet in {v}.", "The venue is in {v}."),
        ),
        Field(
            ("organizer", "host", "contact", "speaker"),
            lambda draw: draw.person(),
            ("The organizer is {v}.", "It is organized by {v}.", "{v} is the host."),
        ),
        Field(
            ("guests", "participants", "attendees", "seats"),
            lambda draw: draw.number(3, 900),
            ("{v} guests are expected.", "There are {v} participants.", "It has room for {v} people."),
        ),
        _PRICE,
        Field(
            ("duration", "minutes", "duration_minutes"),
            lambda draw: draw.number(1, 36) * 5,
            ("It lasts {v} minutes.", "The duration is {v} minutes."),
        ),
    ),
    (
        ((0, 1), "The {s} is on {0} at {1}."),
        ((2, 0), "The {s} takes place in {0} on {1}."),
        ((3, 2), "{0} organizes the {s} in {1}."),
        ((0, 1, 2), "{s}: {0}, {1}, {2}."),
        ((2, 1), "We meet for the {s} in {0} at {1}."),
    ),
)
_PRODUCT = Domain(
    Field(
        ("product", "name", "item", "product_name"),
        lambda draw: draw.thing(),
        ("This is a {s}.", "We sell a {s}.", "The product is a {s}.", "Look at this {s}."),
        ("I bought a {s}.", "I am looking at the {s}."),
    ),
    (
        _PRICE,
        Field(("color", "colour"), _cased(words.COLORS), ("The color is {v}.", "It is {v}.", "It comes in {v}."), ("Mine is {v}.",)),
        Field(
            ("brand", "manufacturer", "maker"),
            lambda draw: draw.company(),
            ("It is made by {v}.", "The brand is {v}.", "The manufacturer is {v}."),
        ),
        Field(
            ("weight", "weight_kg", "weight_g"),
            lambda draw: draw.number(1, 990),
            ("It weighs {v} grams.", "The weight is {v} kg.", "It has a weight of {v} g."),
        ),
        Field(
            ("rating", "stars", "score"),
            lambda draw: float(f"{draw.number(1, 4)}.{draw.number(1, 9)}"),
            ("It has a rating of {v}.", "Customers gave it {v} stars."),
            ("I give it {v} stars.",),
        ),
        Field(
            ("stock", "in_stock_count", "quantity"), lambda draw: draw.number(0, 400), ("{v} pieces are in stock.", "There are {v} left.")
        ),
        Field(
            ("available", "in_stock", "is_available"),
            lambda draw: draw.chance(0.5),
            ("It is {available}.", "At the moment it is {available}."),
        ),
        Field(("year", "model_year"), lambda draw: draw.number(1990, 2032), ("It was built in {v}.", "The model year is {v}.")),
    ),
    (
        ((1, 0), "The {0} {s} costs ${1}."),
        ((2, 0), "The {s} by {0} costs {1} euros."),
        ((1, 2), "This {0} {s} is made by {1}."),
        ((0, 4), "The {s} costs ${0} and has {1} stars."),
    ),
)
_INVOICE = Domain(
    Field(
        ("invoice_number", "invoice", "invoice_id", "number"),
        lambda draw: draw.order_number(),
        ("The invoice number is {s}.", "This is invoice {s}.", "Invoice {s} is attached."),
        ("I have a question about invoice {s}.",),
    ),
    (
        Field(
            ("vendor", "company", "seller", "supplier"),
            lambda draw: draw.company(),
            ("It was sent by {v}.", "The vendor is {v}.", "It comes from {v}."),
        ),
        Field(
            ("amount", "total", "sum", "total_amount"),
            _price,
            ("The amount is ${v}.", "The total is {v} euros.", "Please pay {v} dollars."),
            (),
            "$",
        ),
        Field(
            ("due_date", "due", "deadline", "pay_by"),
            lambda draw: draw.date(),
            ("It is due on {v}.", "The due date is {v}.", "Pay until {v}."),
        ),
        Field(
            ("customer", "client", "bill_to"),
            lambda draw: draw.person(),
            ("The customer is {v}.", "It is addressed to {v}.", "The client is {v}."),
        ),
        _EMAIL,
        Field(("paid", "is_paid"), lambda draw: draw.chance(0.5), ("It is {paid}.", "The invoice is {paid}.")),
    ),
    (((0, 1), "Invoice {s} from {0} is over ${1}."), ((1, 2), "Invoice {s}: ${0}, due on {1}."), ((0, 3), "{0} sent invoice {s} to {1}.")),
)
_BOOKING = Domain(
    Field(
        ("guest", "name", "guest_name"),
        lambda draw: draw.person(),
        ("The guest is {s}.", "{s} booked a room.", "This is the booking of {s}."),
        ("My name is {s}.", "This is {s}."),
    ),
    (
        Field(
            ("hotel", "hotel_name"),
            lambda draw: f"Hotel {draw.invented().capitalize()}",
            ("The hotel is {v}.", "The booking is for {v}."),
            ("I booked {v}.",),
        ),
        Field(
            ("city", "location", "destination"),
            lambda draw: draw.city(),
            ("The city is {v}.", "The hotel is in {v}.", "The trip goes to {v}."),
            ("I travel to {v}.",),
        ),
        Field(
            ("check_in", "arrival", "date", "arrival_date"),
            lambda draw: draw.date(),
            ("Check-in is on {v}.", "The arrival is on {v}."),
            ("I arrive on {v}.",),
        ),
        Field(
            ("nights", "number_of_nights"),
            lambda draw: draw.number(1, 21),
            ("It is for {v} nights.", "The stay is {v} nights."),
            ("I stay {v} nights.",),
        ),
        Field(
            ("rooms", "number_of_rooms"),
            lambda draw: draw.number(2, 9),
            ("{v} rooms are needed.", "The number of rooms is {v}."),
            ("I need {v} rooms.",),
        ),
        _PRICE,
    ),
    (((1, 3), "{s} stays in {0} for {1} nights."), ((1, 2), "{s} arrives in {0} on {1}."), ((0, 1), "{s} booked {0} in {1}.")),
)
_COMPANY = Domain(
    Field(
        ("company", "name", "company_name", "organization"),
        lambda draw: draw.company(),
        ("This is about {s}.", "{s} is in the news.", "The company is called {s}."),
        ("We are {s}.",),
    ),
    (
        Field(
            ("founded", "founding_year", "year_founded"),
            lambda draw: draw.number(1900, 2025),
            ("{s} was founded in {v}.", "The founding year is {v}."),
            ("We were founded in {v}.",),
        ),
        Field(
            ("ceo", "director", "head"),
            lambda draw: draw.full_name(),
            ("The CEO is {v}.", "{v} leads {s}.", "The director of {s} is {v}."),
            ("Our director is {v}.",),
        ),
        Field(
            ("headquarters", "city", "location"),
            lambda draw: draw.city(),
            ("The headquarters are in {v}.", "{s} is based in {v}."),
            ("We are based in {v}.",),
        ),
        Field(
            ("employees", "number_of_employees", "staff"),
            lambda draw: draw.number(2, 9000),
            ("{s} has {v} employees.", "{v} people work there."),
            ("We have {v} employees.",),
        ),
        Field(
            ("product", "main_product"),
            lambda draw: draw.thing(),
            ("The main product is the {v}.", "{s} is known for the {v}."),
            ("Our product is the {v}.",),
        ),
        _EMAIL,
        _PHONE,
    ),
    (((0, 2), "{s} was founded in {0} in {1}."), ((1, 2), "{0} leads {s} in {1}."), ((2, 3), "{s}, based in {0}, has {1} employees.")),
)
_FLIGHT = Domain(
    Field(
        ("flight", "flight_number", "number"),
        lambda draw: f"{draw.one('ABCDEFKLQTUZ')}{draw.one('ABCDEFKLQTUZ')}{draw.number(10, 9999)}",
        ("The flight number is {s}.", "This is flight {s}."),
        ("I take flight {s}.",),
    ),
    (
        Field(
            ("from", "origin", "departure_city"),
            lambda draw: draw.city(),
            ("It departs from {v}.", "The flight leaves from {v}."),
            ("I fly from {v}.",),
        ),
        Field(
            ("to", "destination", "arrival_city"),
            lambda draw: draw.city(),
            ("It flies to {v}.", "The destination is {v}."),
            ("I go to {v}.",),
        ),
        Field(("date", "departure_date"), lambda draw: draw.date(), ("It leaves on {v}.", "The date is {v}.")),
        Field(("time", "departure_time"), lambda draw: draw.time(), ("It leaves at {v}.", "The departure time is {v}.")),
        Field(
            ("passenger", "name", "traveler"),
            lambda draw: draw.person(),
            ("The passenger is {v}.", "The ticket is for {v}."),
            ("My name is {v}.",),
        ),
        Field(
            ("seat", "seat_number"),
            lambda draw: f"{draw.number(1, 40)}{draw.one('ABCDEF')}",
            ("The seat is {v}.", "Seat {v} is reserved."),
            ("I have seat {v}.",),
        ),
        _PRICE,
    ),
    (((0, 1), "Flight {s} goes from {0} to {1}."), ((4, 1), "{0} takes flight {s} to {1}."), ((1, 2), "Flight {s} to {0} is on {1}.")),
)
_PET = Domain(
    Field(
        ("name", "pet", "pet_name"),
        lambda draw: draw.invented().capitalize(),
        ("The pet is called {s}.", "Meet {s}."),
        ("My pet is called {s}.",),
    ),
    (
        Field(("species", "animal", "kind"), _cased(words.ANIMALS), ("{s} is a {v}.", "It is a {v}."), ("It is a {v}.",)),
        Field(("age", "years"), lambda draw: draw.number(1, 25), ("{s} is {v} years old.", "The age is {v}."), ("It is {v} years old.",)),
        Field(("owner", "owner_name"), lambda draw: draw.person(), ("{s} belongs to {v}.", "The owner is {v}."), ("I am {v}.",)),
        Field(("color", "colour"), _cased(words.COLORS), ("{s} is {v}.", "The color is {v}."), ("It is {v}.",)),
        _CITY,
    ),
    (((0, 2), "{s} is a {0} and belongs to {1}."), ((2, 0), "{0} has a {1} called {s}."), ((1, 0), "{s} is a {0} year old {1}.")),
)
_DOMAINS = (_PERSON, _PERSON, _PERSON, _ORDER, _ORDER, _EVENT, _PRODUCT, _INVOICE, _BOOKING, _COMPANY, _FLIGHT, _PET)
_BOOLEANS = {
    "married": (("not married", "single"), ("married",)),
    "paid": (("not paid", "unpaid"), ("paid", "fully paid")),
    "available": (("not available", "sold out"), ("available", "in stock")),
}

_COMMANDS = (
    "Extract {keys} as JSON.",
    "Extract {keys} from the text as JSON.",
    "Extract the {keys} and return JSON.",
    "Return a JSON object with the keys {keys}.",
    "Get {keys} from the text. Answer with JSON only.",
    "Extract the following fields as JSON: {keys}.",
    "Give me {keys} as a JSON object.",
    "Find {keys} in the text. Output JSON.",
    "Read the text and output JSON with {keys}.",
    "Please extract {keys}. JSON only, no explanation.",
    "Pull {keys} out of this text as JSON.",
    "Convert the text to JSON with the keys {keys}.",
    "I need {keys} from this text in JSON format.",
    "Return only JSON with these keys: {keys}.",
    "Parse the text into JSON. Keys: {keys}.",
    "Respond with a JSON object containing {keys}.",
    "What are the {keys}? Answer in JSON.",
    "Write the {keys} as JSON.",
    "Fields: {keys}. Extract them as JSON.",
    "Turn this into a JSON object with {keys}.",
    "Identify {keys} in the message and answer with JSON.",
    "Output valid JSON with {keys}, nothing else.",
    "Create a JSON object with {keys} from the text.",
    "Can you extract {keys} as JSON?",
    "Extract information as JSON with keys {keys}.",
    "From the text, collect {keys}. Reply in JSON.",
    "Your task: extract {keys}. Format: JSON.",
    "You extract data. Return {keys} as JSON.",
    "JSON with {keys}, please.",
    "Extract {keys}. Return JSON.",
)
_BULLETED = (
    "Extract these fields as JSON:\n{keys}",
    "Return JSON with the following keys:\n{keys}",
    "Extract the following from the text as JSON:\n{keys}",
    "Answer with a JSON object. Keys:\n{keys}",
    "Fields to extract:\n{keys}\nAnswer with JSON only.",
    "Read the text and fill these keys, as JSON:\n{keys}",
)
_SCHEMED = (
    "Extract data that matches this JSON schema: {schema}",
    "Answer with JSON that follows this schema:\n{schema}",
    "Return a JSON object for this schema:\n{schema}",
    "Respond with JSON matching the schema below.\n{schema}",
    "JSON schema:\n{schema}\nExtract the data from the text.",
    "Use this JSON schema for the answer: {schema}",
    "Extract the information as JSON according to the schema {schema}",
    "Your answer must be a JSON object that validates against this schema:\n{schema}",
    "Output only JSON. Schema: {schema}",
    "Fill this schema from the text:\n{schema}",
    "Answer in JSON using the following schema.\n{schema}",
    "The output must match {schema}",
)
_EXAMPLED = (
    "Return a JSON object like {example}",
    "Extract the data in this format: {example}",
    "Answer with JSON in this form:\n{example}",
    "Fill in this JSON from the text: {example}",
    "Output format:\n{example}",
    "Use exactly this format: {example}",
    "Respond in JSON: {example}",
    "Extract the values and answer like this: {example}",
    "Return JSON only, in the format {example}",
    "Template:\n{example}\nFill it with the values of the text.",
    "Convert the text to JSON. Format: {example}",
    "Parse this into {example}",
)
_NULLS = (
    " Use null for missing values.",
    " If a value is missing, use null.",
    " Missing values are null.",
    " Use null if a field is not in the text.",
)
_STRICT = ("", "", "", " No explanation.", " JSON only.", " Do not use a code block.", " Output nothing else.")


@dataclass(frozen=True, slots=True)
class Record:
    """A drawn record: the values said in its text, and the fields that its text leaves out."""

    domain: Domain
    values: dict[Field, Any]
    silent: tuple[Field, ...]


def _record(draw: Draw, most: int = 6) -> Record:
    domain = draw.one(_DOMAINS)
    said = draw.some(domain.fields, min(len(domain.fields), draw.number(1, most - 1)))
    values = {domain.subject: domain.subject.make(draw)} | {field: field.make(draw) for field in said}
    return Record(domain, values, tuple(field for field in domain.fields if field not in said))


def _say(draw: Draw, form: str, subject: str, value: Any) -> str:
    """``form`` with its places filled; a truth value stands there as a word."""
    for key, (no, yes) in _BOOLEANS.items():
        form = form.replace(f"{{{key}}}", draw.one(yes if value else no))
    text = form.format(s=subject, v=value)
    return (
        text.replace(" a a", " an a").replace(" a e", " an e").replace(" a o", " an o").replace(" a i", " an i") if " a " in form else text
    )


def _prose(draw: Draw, record: Record) -> str:
    """The record in sentences, sometimes with remarks beside the point."""
    domain, subject = record.domain, str(record.values[record.domain.subject])
    left = [field for field in record.values if field is not domain.subject]
    first = draw.one(domain.subject.says).format(s=subject)
    fitting = [(places, form) for places, form in domain.combined if all(domain.fields[i] in record.values for i in places)]
    if fitting and draw.chance(0.6):
        places, form = draw.one(fitting)
        told = [domain.fields[i] for i in places]
        first = form.format(*[record.values[field] for field in told], s=subject)
        left = [field for field in left if field not in told]
    elif left and domain is _PERSON and draw.chance(0.5):
        first = ""
    sentences = [_say(draw, draw.one(field.says), subject, record.values[field]) for field in draw.shuffled(left)]
    if first:
        sentences.insert(0, first)
    for _ in range(draw.one((0, 0, 0, 1, 1, 2))):
        sentences.insert(draw.number(0, len(sentences)), draw.one(_ASIDES))
    named = any(subject in text for text in sentences)
    return " ".join(sentences if named else [domain.subject.says[0].format(s=subject), *sentences])


_ASIDES = (
    *[
        "The weather is nice today.",
        "Thanks for your help.",
        "Have a great day!",
        "See you soon.",
        "This is a reminder.",
        "Please reply soon.",
    ],
    *[
        "More details follow next week.",
        "Sorry for the delay.",
        "Nothing else has changed.",
        "Please keep this message.",
        "It was a busy week.",
    ],
    *["The details are below.", "We will check it.", "As discussed, here is the information.", "Let me know if anything is unclear."],
)


def _letter(draw: Draw, record: Record) -> str:
    """The record as somebody tells it in a message."""
    subject = str(record.values[record.domain.subject])
    opening = draw.one(record.domain.subject.own or record.domain.subject.says).format(s=subject)
    lines = [opening]
    for field, value in record.values.items():
        if field is not record.domain.subject:
            lines.append(_say(draw, draw.one(field.own or field.says), subject, value))
    hello = draw.one(("Hi, ", "Hello, ", "Hi there! ", "Dear team, ", "", "Good morning. "))
    return hello + " ".join(lines) + draw.one(("", "", " Thanks!", " Best regards", " Please help me.", " Thank you."))


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _lines(draw: Draw, record: Record, names: dict[Field, str]) -> str:
    """The record as ``Key: value`` lines, or on one line."""
    mark = draw.one((": ", ": ", ": ", " = ", " - "))
    style = draw.one((str.capitalize, str.capitalize, str.lower, str.upper))
    rows = [
        f"{style(names[field].replace('_', ' '))}{mark}{draw.one((field.before, ''))}{_shown(value)}"
        for field, value in record.values.items()
    ]
    rows = draw.shuffled(rows) if draw.chance(0.3) else rows
    return draw.one(("\n", "\n", "; ", ", ", " | ")).join(rows)


def _row(draw: Draw, record: Record, names: dict[Field, str]) -> str:
    """The record as a CSV table of one row."""
    fields, mark = list(record.values), draw.one((",", ";", "|", ", "))
    return mark.join(names[field] for field in fields) + "\n" + mark.join(_shown(record.values[field]) for field in fields)


def _text(draw: Draw, record: Record, names: dict[Field, str]) -> str:
    share = draw.number(1, 100)
    if share <= 58:
        return _prose(draw, record)
    if share <= 74:
        return _letter(draw, record)
    if share <= 92 or any(", " in _shown(value) for value in record.values.values()):
        return _lines(draw, record, names)
    return _row(draw, record, names)


def _names(draw: Draw, record: Record) -> dict[Field, str]:
    """A key for every field of the record; no two are the same."""
    names: dict[Field, str] = {}
    for field in (*record.values, *record.silent):
        key = field.keys[0] if draw.chance(0.7) else draw.one(field.keys)
        if key in names.values():
            key = next((other for other in field.keys if other not in names.values()), f"{field.keys[0]}_2")
        names[field] = key
    return names


def _spelled(key: str, how: int) -> str:
    """``key`` as programs write it: with underscores, in camel case, or as words."""
    parts = key.split("_")
    if how == 1:
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    if how == 2:
        return " ".join(parts)
    return key


def _schema(draw: Draw, keys: dict[str, str]) -> str:
    properties = {key: {"type": kind} for key, kind in keys.items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if draw.chance(0.5):
        schema["required"] = list(keys)
    return dumps(schema) if draw.chance(0.8) else dumps(properties)


_PLACEHOLDERS: dict[str, tuple[Any, ...]] = {
    "string": ("", "...", "string", "text"),
    "integer": (0, 1),
    "number": (0, 1.5),
    "boolean": (True, False),
}


def _example(draw: Draw, keys: dict[str, str]) -> str:
    style = draw.number(0, 3)
    if style == 0:
        return "{" + ", ".join(f'"{key}": {kind}' for key, kind in keys.items()) + "}"
    if style == 1:
        return "{" + ", ".join(f'"{key}": ...' for key in keys) + "}"
    if style == 2:
        return dumps(dict.fromkeys(keys, ""))
    string = draw.one(_PLACEHOLDERS["string"])
    return dumps({key: string if kind == "string" else draw.one(_PLACEHOLDERS[kind]) for key, kind in keys.items()})


def _keys_said(draw: Draw, keys: list[str]) -> str:
    quote = draw.one(("", "", "", '"', "`", "'"))
    quoted = [f"{quote}{key}{quote}" for key in keys]
    return ", ".join(quoted) if draw.chance(0.4) else listing(draw, quoted)


def _instruction(draw: Draw, keys: dict[str, str], *, nulls: bool) -> tuple[str, str]:
    """How the user asks for ``keys`` (key → JSON type), and what kind of asking it is."""
    share, tail = draw.number(1, 100), draw.one(_STRICT)
    if nulls and draw.chance(0.5):
        tail += draw.phrase(_NULLS)
    if share <= 55:
        return draw.phrase(_COMMANDS).format(keys=_keys_said(draw, list(keys))) + tail, "keys"
    if share <= 65:
        mark = draw.one(("- ", "* ", "", "1. "))
        rows = "\n".join(f"{f'{i}. ' if mark == '1. ' else mark}{key}" for i, key in enumerate(keys, 1))
        return draw.phrase(_BULLETED).format(keys=rows) + (f"\n{tail.strip()}" if tail else ""), "keys"
    if share <= 83:
        return draw.phrase(_SCHEMED).format(schema=_schema(draw, keys)) + tail, "schema"
    return draw.phrase(_EXAMPLED).format(example=_example(draw, keys)) + tail, "example"


def _asked(draw: Draw, record: Record) -> list[Field]:
    """The fields that are asked for, in the order of asking."""
    said = list(record.values)
    count = draw.number(1, min(6, len(said)))
    asked = draw.some(said, count) if draw.chance(0.5) else said[:count]
    if record.silent and draw.chance(0.22):
        asked.insert(draw.number(0, len(asked)), draw.one(record.silent))
    return asked[:6]


def _object(draw: Draw) -> Chat:
    """One record, some of its keys; sometimes another question or another text afterwards."""
    record = _record(draw)
    names = _names(draw, record)
    asked, how = _asked(draw, record), draw.one((0, 0, 0, 1, 2))
    spelled = {field: _spelled(names[field], how) for field in names}
    keys = {spelled[field]: field.json_type for field in asked}
    missing = any(field not in record.values for field in asked)
    text = _text(draw, record, names)
    instruction, kind = _instruction(draw, keys, nulls=missing or draw.chance(0.2))
    turns = [*lay(draw, instruction, text), assistant(dumps({spelled[field]: record.values.get(field) for field in asked}))]
    for _ in range(draw.one((0, 0, 1, 2))):
        turns += _further(draw, record, spelled)
    return Chat(tuple(turns), NAME, "missing" if missing else kind)


_FURTHER = (
    "Now only {keys}.",
    "And {keys}?",
    "Now extract {keys} as JSON.",
    "Do the same for {keys}.",
    "Now give me {keys}.",
    "Please add {keys} in a new object.",
    "What about {keys}?",
    "Same text, but {keys}.",
)


def _further(draw: Draw, record: Record, spelled: dict[Field, str]) -> list[Turn]:
    """Another question about the same text."""
    fields = draw.some(list(record.values), min(len(record.values), draw.number(1, 2)))
    keys = _keys_said(draw, [spelled[field] for field in fields])
    return [user(draw.phrase(_FURTHER).format(keys=keys)), assistant(dumps({spelled[field]: record.values[field] for field in fields}))]


_RECORDS = (
    "Extract all people with {keys} as a JSON list.",
    "Return a JSON array of objects with {keys}.",
    "List every entry with {keys} as JSON.",
    "Extract a list of objects with the keys {keys}.",
    "Convert the text to a JSON array. Each object has {keys}.",
    "For each entry, give {keys}. Answer with a JSON array.",
    "Output a JSON list; every item has {keys}.",
    "Parse all records into JSON with {keys}.",
    "Give me all records as JSON objects with {keys}.",
    "Extract {keys} of everyone as a JSON array.",
    "Make a JSON array of all rows with {keys}.",
    "Turn this into a JSON list with {keys}.",
)
_PAIRS: tuple[tuple[str, str, Callable[[Draw], Any], Callable[[Draw], Any], tuple[str, ...]], ...] = (
    ("name", "age", lambda draw: draw.person(), lambda draw: draw.number(4, 98), ("{0} is {1} years old", "{0} is {1}", "{0} ({1})")),
    ("name", "city", lambda draw: draw.person(), lambda draw: draw.city(), ("{0} lives in {1}", "{0} is from {1}", "{0} comes from {1}")),
    ("product", "price", lambda draw: draw.thing(), _price, ("the {0} costs ${1}", "the {0} is {1} euros", "{0} for ${1}")),
    ("item", "quantity", lambda draw: draw.thing(), lambda draw: draw.number(2, 60), ("{1} x {0}", "{1} of the {0}", "{0}: {1}")),
    ("name", "email", lambda draw: draw.first_name(), lambda draw: draw.email(), ("{0} uses {1}", "{0} has the address {1}", "{0}: {1}")),
    ("name", "job", lambda draw: draw.person(), _cased(words.JOBS), ("{0} works as {1}", "{0} is the {1}", "{0} ({1})")),
    ("city", "date", lambda draw: draw.city(), lambda draw: draw.date(), ("{0} on {1}", "we are in {0} on {1}", "{0}: {1}")),
    (
        "order",
        "status",
        lambda draw: draw.order_number(),
        lambda draw: draw.one(("open", "shipped", "late", "paid")),
        ("{0} is {1}", "order {0} is {1}"),
    ),
)


def _clauses(draw: Draw, form: str, clauses: list[str]) -> str:
    """The clauses as one sentence or several. A clause that begins with a value gets no capital, which the value does not have."""
    if form.startswith("{") and clauses[0][0].islower():
        return draw.one(("We offer ", "There is ", "", "On the list: ")) + listing(draw, clauses) + "."
    if draw.chance(0.6):
        return capital(listing(draw, clauses)) + "."
    return " ".join(capital(clause) + "." for clause in clauses)


def _records(draw: Draw) -> Chat:
    """Several records with the same two keys."""
    first, second, make, other, forms = draw.one(_PAIRS)
    rows = [(one, other(draw)) for one in distinct(lambda: make(draw), draw.number(2, 4))]
    share = draw.number(1, 3)
    if share == 1 and not any(", " in str(row) for row in rows):
        text = f"{first},{second}\n" + "\n".join(f"{a},{b}" for a, b in rows)
    elif share == 2:
        mark = draw.one(("- ", "", "* "))
        text = "\n".join(mark + draw.one(forms[-1:]).format(a, b) for a, b in rows)
    else:
        form = draw.one(forms)
        clauses = [form.format(a, b) for a, b in rows]
        text = _clauses(draw, form, clauses)
    instruction = draw.phrase(_RECORDS).format(keys=_keys_said(draw, [first, second]))
    return Chat((*lay(draw, instruction, text), assistant(dumps([{first: a, second: b} for a, b in rows]))), NAME, "records")


_LISTED: tuple[tuple[str, Callable[[Draw], Any], tuple[str, ...]], ...] = (
    (
        "names",
        lambda draw: draw.person(),
        ("{0} met at the station.", "The team is {0}.", "Present: {0}.", "We invited {0}.", "{0} came to the party."),
    ),
    (
        "cities",
        lambda draw: draw.city(),
        ("The train stops in {0}.", "We have offices in {0}.", "Our trip goes to {0}.", "{0} are on the list."),
    ),
    ("items", lambda draw: draw.thing(), ("Please buy {0}.", "The box contains {0}.", "I need {0}.", "She packed {0}.")),
    ("emails", lambda draw: draw.email(), ("Send it to {0}.", "The addresses are {0}.", "Copy {0} on this.")),
    ("numbers", lambda draw: draw.number(0, 999), ("The numbers are {0}.", "We counted {0}.", "Results: {0}.")),
    (
        "dates",
        lambda draw: draw.one(words.MONTHS) + f" {draw.number(1, 28)}",
        ("The meetings are on {0}.", "Possible dates are {0}.", "We are closed on {0}."),
    ),
    ("companies", lambda draw: draw.company(), ("Our partners are {0}.", "{0} sent an offer.", "The suppliers are {0}.")),
    ("fruits", _cased(words.FRUITS), ("We sell {0}.", "The salad has {0}.", "I like {0}.")),
    ("colors", _cased(words.COLORS), ("It comes in {0}.", "The flag is {0}.", "Choose between {0}.")),
    ("animals", _cased(words.ANIMALS), ("The barn has {0}.", "We saw {0}.", "Pictures of {0}.")),
    ("hobbies", _cased(words.HOBBIES), ("The hobbies are {0}.", "Everybody likes {0}.", "We offer {0}.")),
)
_ARRAYS = (
    "List all {key} as a JSON array.",
    "Extract all {key} as a JSON list.",
    "Return the {key} as a JSON array.",
    "Which {key} are mentioned? Answer with a JSON array.",
    "Give me the {key} in the text as a JSON array.",
    "Output a JSON array of the {key}.",
    "Find all {key}. JSON array only.",
    "Extract the {key} from the text. Format: JSON array.",
    "Collect every one of the {key} in a JSON list.",
    "Write the {key} as a JSON list.",
    "JSON array of all {key}, please.",
    "Return only a JSON array with the {key}.",
)
_KEYED = (
    'Extract the {key} as JSON: {{"{key}": [...]}}',
    'Return a JSON object with the key "{key}" that holds a list.',
    'Answer with JSON of the form {{"{key}": []}}.',
    "Extract {key} (a list) as a JSON object.",
    'List all {key} under the key "{key}" as JSON.',
    'Use this schema: {{"type": "object", "properties": {{"{key}": {{"type": "array"}}}}}}',
)


def _array(draw: Draw) -> Chat:
    """All the things of one kind; an empty array where the text has none."""
    key, make, forms = draw.one(_LISTED)
    asked, items, text = key, distinct(lambda: make(draw), draw.number(1, 5)), ""
    text = draw.one(forms).format(listing(draw, [str(item) for item in items]))
    if draw.chance(0.3):
        text = draw.one((f"{text} {draw.one(_ASIDES)}", f"{draw.one(_ASIDES)} {text}"))
    if draw.chance(0.08):
        asked, items = draw.one([other for other, _, _ in _LISTED if other not in (key, "items", "fruits", "numbers", "names")]), []
    wrapped = draw.chance(0.35)
    instruction = draw.phrase(_KEYED if wrapped else _ARRAYS).format(key=asked)
    answer = dumps({asked: items} if wrapped else items)
    return Chat((*lay(draw, instruction, text), assistant(answer)), NAME, "list" if items else "list empty")


_SAYINGS = (
    "The {k} is {v}.",
    "The {k} of it is {v}.",
    "Its {k} is {v}.",
    "{k}: {v}.",
    "As {k} we have {v}.",
    "It has {v} as {k}.",
    "Set the {k} to {v}.",
    "And {v} is the {k}.",
)


def _unknown_world(draw: Draw) -> Chat:
    """Keys that are no known words: what is asked for has to be found by its name alone."""
    keys = distinct(lambda: draw.invented() if draw.chance(0.7) else f"{draw.invented()}_{draw.invented()}", draw.number(1, 4))
    values: dict[str, Any] = {}
    for key in keys:
        values[key] = draw.one(
            (draw.number(0, 9999), draw.invented(), draw.invented().capitalize(), draw.order_number(), draw.number(1, 99), draw.city())
        )
    mark = draw.one((": ", " = ", None, None))
    if mark:
        text = draw.one(("\n", "\n", "; ", ", ")).join(f"{key}{mark}{value}" for key, value in values.items())
    else:
        text = " ".join(capital(draw.one(_SAYINGS).format(k=key.replace("_", " "), v=value)) for key, value in values.items())
    asked = draw.some(keys, draw.number(1, len(keys)))
    if draw.chance(0.15):
        asked.append(draw.invented())
    kinds = {key: "integer" if isinstance(values.get(key), int) else "string" for key in asked}
    instruction, _ = _instruction(draw, kinds, nulls=any(key not in values for key in asked))
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values.get(key) for key in asked}))), NAME, "unknown keys")


def _signature(draw: Draw) -> Chat:
    """A block as it stands under a letter, or on a card."""
    values = {
        "name": draw.full_name(),
        "job": draw.entity(words.JOBS),
        "company": draw.company(),
        "city": draw.city(),
        "phone": draw.phone(),
        "email": draw.email(),
    }
    rows = [
        values["name"],
        f"{capital(values['job'])}, {values['company']}",
        values["city"],
        draw.one(("Tel. ", "Phone: ", "", "T ")) + values["phone"],
        draw.one(("", "Mail: ", "E ")) + values["email"],
    ]
    text = draw.one(("Best regards,\n", "--\n", "", "Yours sincerely\n", f"{remark(draw)}\n\nKind regards\n")) + "\n".join(rows)
    asked = draw.some([key for key in values if key != "job"], draw.number(1, 5))
    instruction, _ = _instruction(draw, dict.fromkeys(asked, "string"), nulls=False)
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values[key] for key in asked}))), NAME, "signature")


def _invoice(draw: Draw) -> Chat:
    """A bill with lines: its head, and what was bought."""
    number, vendor, total, due = draw.order_number(), draw.company(), _price(draw), draw.date()
    lines = [(thing, draw.number(1, 20)) for thing in distinct(draw.thing, draw.number(1, 3))]
    mark = draw.one((" x {}", ": {}", ", {} pieces"))
    rows = "\n".join(f"- {thing}{mark.format(count)}" for thing, count in lines)
    text = f"INVOICE {number}\n{draw.one(('From: ', 'Vendor: ', 'Seller: '))}{vendor}\n{rows}\nTotal: ${total}\nDue: {due}"
    values: dict[str, Any] = {
        "invoice_number": number,
        "vendor": vendor,
        "total": total,
        "due_date": due,
        "items": [thing for thing, _ in lines],
    }
    asked = draw.some(list(values), draw.number(1, 5))
    kinds = {key: "number" if key == "total" else "array" if key == "items" else "string" for key in asked}
    instruction = (
        draw.phrase(_COMMANDS).format(keys=_keys_said(draw, asked))
        if draw.chance(0.6)
        else draw.phrase(_SCHEMED).format(schema=_schema(draw, kinds))
    )
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values[key] for key in asked}))), NAME, "invoice")


def _standing(draw: Draw) -> Chat:
    """An instruction that stands in the system prompt for two texts."""
    domain = draw.one(_DOMAINS)
    fields = [domain.subject, *draw.some(domain.fields, draw.number(1, min(4, len(domain.fields))))]
    first = Record(domain, {field: field.make(draw) for field in fields}, ())
    names = _names(draw, first)
    instruction, _ = _instruction(draw, {names[field]: field.json_type for field in fields}, nulls=False)
    turns = [Turn("system", instruction)]
    for _ in range(draw.number(2, 4)):
        record = Record(domain, {field: field.make(draw) for field in fields}, ())
        turns += [user(_text(draw, record, names)), assistant(dumps({names[field]: record.values[field] for field in fields}))]
    return Chat(tuple(turns), NAME, "standing")


_KINDS = (*[_object] * 10, *[_records] * 2, *[_array] * 3, *[_unknown_world] * 3, _signature, _invoice, _standing)


def chat(draw: Draw) -> Chat:
    """A text, and the JSON that was asked for."""
    return draw.one(_KINDS)(draw)

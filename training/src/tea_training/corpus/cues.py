"""Sentences of a class, composed: what gives the class away, and frames that fit any class.

A list of whole sentences teaches those sentences. Here a noun that belongs to one class meets predicates of that class,
or a frame that says nothing about the class, so a text is told by the words that matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw


@dataclass(frozen=True, slots=True)
class Cues:
    """Nouns of a class and what is said of any of them."""

    nouns: tuple[str, ...]
    said: tuple[str, ...]


def _cues(nouns: str, said: str) -> Cues:
    return Cues(tuple(nouns.split("|")), tuple(said.split("|")))


_TICKET_FRAMES: Final = (
    "I have a question about {n}.",
    "There is a problem with {n}.",
    "Can somebody look at {n}?",
    "Please check {n}.",
    "I am writing about {n}.",
    "Who can help me with {n}?",
    "It is about {n}.",
    "I need help with {n}.",
    "Something is wrong with {n}.",
    "Could you look into {n}, please?",
    "What is going on with {n}?",
    "Any news about {n}?",
)
_TOPIC_FRAMES: Final = (
    "Everybody talks about {n}.",
    "The report is about {n}.",
    "We read an article on {n}.",
    "There is news about {n}.",
    "The book tells a lot about {n}.",
    "Yesterday we learned something about {n}.",
    "A new film shows {n}.",
    "The city magazine writes about {n}.",
)

TICKETS: Final[dict[str, Cues]] = {
    "billing": _cues(
        "my invoice|the bill|my last payment|the monthly charge|my credit card payment|the invoice of last month|the fee|the tax on my bill|"
        "my bank transfer|the payment|this charge|the receipt|the amount on the invoice|my direct debit",
        "{n} is too high.|{n} is wrong.|{n} was charged twice.|{n} shows the wrong amount.|{n} did not go through.|Why is {n} higher than before?|"
        "{n} was declined.|I do not understand {n}.|{n} is still open although I paid.|Please send {n} again.|{n} does not match the contract.",
    ),
    "technical": _cues(
        "the app|the website|the program|the search|the export|the update|the printer|the screen|the server|the button|the sync|the upload|"
        "the new version|the page|the software|the video",
        "{n} crashes.|{n} does not work.|{n} shows an error.|{n} freezes all the time.|{n} is very slow.|{n} stopped working today.|"
        "I get an error when I use {n}.|{n} does not open.|{n} does not load.|There is a bug in {n}.|{n} keeps crashing on my phone.|"
        "{n} stays black.",
    ),
    "account": _cues(
        "my password|my login|my account|my user name|my profile|the sign-in code|my email address in the profile|two-factor login|my username|"
        "the password reset|my access",
        "I forgot {n}.|I cannot change {n}.|{n} is locked.|{n} is not accepted.|How do I change {n}?|Please reset {n}.|I want to delete {n}.|"
        "{n} was blocked.|I lost {n}.|Somebody else uses {n}.",
    ),
    "shipping": _cues(
        "my package|my parcel|my order|the delivery|the shipment|the box|the courier|the tracking number|my delivery",
        "{n} has not arrived.|Where is {n}?|{n} is late.|{n} was left at the wrong door.|When will {n} arrive?|{n} is lost.|{n} was damaged on the way.|"
        "{n} was sent to the wrong address.|{n} has been on the way for two weeks.|I am still waiting for {n}.|{n} did not come.",
    ),
    "refund": _cues(
        "the jacket|this product|the shoes|the lamp|the broken cup|what I bought|the phone|the whole order|the wrong item|the chair",
        "I want to send {n} back and get my money back.|I want my money back for {n}.|I would like a refund for {n}.|How do I return {n}?|"
        "Please refund {n}.|I want to return {n}.|Can I give {n} back?|When do I get the refund for {n}?|I sent {n} back and still have no refund.",
    ),
    "sales": _cues(
        "your product|a licence for our team|the large plan|ten laptops|the premium version|your service|a yearly plan|twenty seats",
        "How much does {n} cost?|I would like to buy {n}.|Can I get an offer for {n}?|Is there a discount on {n}?|We are interested in {n}.|"
        "What is the price of {n}?|We want to order {n}.|Can I try {n} before I buy?|Please send me a quote for {n}.",
    ),
    "feedback": _cues(
        "a dark mode|an export to PDF|a search field|bigger buttons|a calendar|more colors|a mobile version|shortcuts|an offline mode",
        "It would be nice to have {n}.|Please add {n}.|I wish there was {n}.|Could you add {n}?|You should add {n}.|My idea: {n}.|"
        "I suggest {n}.|I would love to see {n}.|Have you thought about {n}?",
    ),
    "job": _cues(
        "a baker|a driver|a nurse|an engineer|a cook|a trainee|a designer|a teacher|a student",
        "Are you looking for {n}?|I would like to work for you as {n}.|I want to apply as {n}.|Do you hire {n}?|Is the position for {n} still open?|"
        "Here is my resume, I am {n}.|I am {n} and look for a job.|Can I start as {n} at your company?",
    ),
}
"""By the first name of the class."""

TOPICS: Final[dict[str, Cues]] = {
    "sports": _cues(
        "the football match|the final|the tennis player|the team|the goalkeeper|the coach|the race|the swimmer|the champion|the basketball game",
        "{n} ended with a victory.|{n} was decided in the last minute.|Fans cheered for {n}.|{n} won the cup.|{n} trains for the season.",
    ),
    "politics": _cues(
        "the election|the president|the parliament|the new law|the minister|the government|the vote|the party|the mayor|the treaty",
        "{n} was debated all night.|Voters wait for {n}.|{n} divides the country.|The opposition criticizes {n}.|{n} changes the constitution.",
    ),
    "technology": _cues(
        "the new phone|the processor|the operating system|the laptop|the robot|artificial intelligence|the computer|the battery|the internet|the app",
        "{n} got an update.|Engineers built {n}.|{n} is faster than the last model.|{n} runs on new software.|Developers test {n}.",
    ),
    "science": _cues(
        "the experiment|the telescope|the planet|the molecule|the laboratory|the new particle|the fossil|the theory|gravity|the researchers",
        "Scientists studied {n}.|{n} was discovered by physicists.|A study explains {n}.|Researchers published results on {n}.|{n} was measured.",
    ),
    "food": _cues(
        "the soup|the bread|fresh pasta|the cake|the sauce|the recipe|the chef|roasted vegetables|the pizza|cheese",
        "{n} needs more salt.|{n} tastes best warm.|Bake {n} for an hour.|{n} is cooked with garlic.|Serve {n} with rice.",
    ),
    "travel": _cues(
        "the hotel|the beach|the flight|the island|the trip|the tour guide|the suitcase|the cruise|the airport|our vacation",
        "We booked {n} for the summer.|Tourists love {n}.|{n} was the best part of the journey.|{n} is popular with visitors.",
    ),
    "health": _cues(
        "the doctor|the flu|the hospital|the vaccine|the headache|the patients|a healthy diet|the nurse|good sleep|the medicine",
        "{n} helps against the disease.|Doctors warn about {n}.|Patients ask for {n}.|{n} is good for the heart.",
    ),
    "business": _cues(
        "the company|the profit|the shares|the bank|the merger|the market|the investors|sales|the budget|the factory",
        "{n} grew by ten percent.|{n} fell after the quarter.|Analysts expected more from {n}.|The board discussed {n}.",
    ),
    "music": _cues(
        "the song|the concert|the band|the singer|the guitar|the album|the orchestra|the piano|the choir|the melody",
        "{n} played all evening.|Fans listened to {n}.|{n} is at the top of the charts.|The audience loved {n}.",
    ),
    "weather": _cues(
        "the rain|the storm|snow|the sun|the fog|the wind|the cold|the heat|thunder|the forecast",
        "{n} will stay until Sunday.|Expect {n} tomorrow.|{n} is coming from the north.|After {n} it gets warmer.",
    ),
    "education": _cues(
        "the teacher|the exam|the students|the school|the lesson|the university|homework|the course|the classroom|the professor",
        "{n} starts in autumn.|Pupils prepare for {n}.|{n} helps children to learn.|Parents talk about {n}.",
    ),
    "animals": _cues(
        "the elephant|the birds|the forest|the whale|the bees|the wolf|the flowers|the tiger|the turtle|the dog",
        "{n} needs protection.|{n} lives in the wild.|Rangers watch {n}.|The young of {n} were born in spring.",
    ),
}
"""By the first name of the class."""


def text(draw: Draw, name: str) -> str | None:
    """A composed sentence of the class ``name``, of this half; ``None`` for a class without cues."""
    ticket = name in TICKETS
    cues = TICKETS.get(name) or TOPICS.get(name)
    if cues is None:
        return None
    frames = _TICKET_FRAMES if ticket else _TOPIC_FRAMES

    def make() -> tuple[str, str]:
        # Goods can be bought, wished for and sent back: only what is said of them tells which.
        loose = name in {"refund", "sales", "feedback", "job"} or draw.chance(0.6)
        return draw.one(cues.said if loose else frames), draw.one(cues.nouns)

    frame, noun = draw.fresh(make, lambda made: f"cue:{made[0]}:{made[1]}", 6)
    made = frame.format(n=noun)
    return made[0].upper() + made[1:]

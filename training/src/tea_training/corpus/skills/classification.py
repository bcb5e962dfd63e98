"""A label for a text: sentiment, ticket queues, topics, urgency, spam, intent, labels described in the prompt, yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tea_training.corpus import cues, words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.prose import article, capital, dumps, lay, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tea_training.corpus.draw import Draw

NAME = "classification"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label stands for: its names, descriptions for a prompt, and texts that belong to it."""

    names: tuple[str, ...]
    about: tuple[str, ...]
    texts: tuple[str, ...]


_TICKETS = (
    Meaning(
        ("billing", "payment", "payments", "invoice", "finance", "accounting"),
        ("payments and invoices", "money and charges", "questions about bills", "problems with a payment"),
        (
            "I was charged twice this month.",
            "Why is my bill so high?",
            "The invoice shows the wrong amount.",
            "My credit card was declined.",
            "I was billed for {t} I never bought.",
            "There is a strange charge of ${n} on my card.",
            "Please send me the invoice for {m}.",
            "How do I change my payment method?",
            "The payment of ${n} did not go through.",
            "I paid ${n} but the invoice is still open.",
            "You charged me ${n} too much.",
            "My subscription fee went up without notice.",
            "I need a receipt for my payment.",
            "Can I pay the invoice in {m}?",
            "The tax on my bill is wrong.",
            "I see a double charge on my bank statement.",
            "Where can I download my invoices?",
            "My bill for {m} is wrong.",
            "Can I pay by credit card?",
            "The price on the invoice is not what we agreed.",
            "I was charged ${n} after I cancelled my subscription.",
            "My last payment was rejected.",
        ),
    ),
    Meaning(
        ("technical", "tech", "bug", "technical support", "support", "software"),
        ("errors and crashes", "things that do not work", "software problems", "bugs in the app"),
        (
            "The app crashes when I open a file.",
            "I get an error message when I press save.",
            "The page does not load.",
            "The software freezes after the update.",
            "Error {n} appears on my screen.",
            "The button does not work on my phone.",
            "The website is down.",
            "My {t} does not connect to the network.",
            "The app is very slow since the last update.",
            "The screen stays black.",
            "I cannot install the new version.",
            "The program closes by itself.",
            "Sync does not work on my laptop.",
            "The search shows no results because of a bug.",
            "The server returns error {n}.",
            "The export to PDF fails.",
            "There is a bug in the calendar.",
            "My {t} will not turn on after the update.",
            "The video has no sound in your app.",
            "Uploading a file gives an error.",
            "The app hangs at the start.",
            "The update broke the printer driver.",
        ),
    ),
    Meaning(
        ("account", "login", "access", "profile", "user account"),
        ("login and passwords", "access to the account", "user profiles", "problems with signing in"),
        (
            "I forgot my password and cannot log in.",
            "How do I change my email address in my profile?",
            "My account is locked.",
            "I want to delete my account.",
            "I cannot sign in.",
            "Please reset my password.",
            "How can I change my username?",
            "My login does not work with my new password.",
            "I did not get the code to sign in.",
            "Somebody else logged in to my account.",
            "I want to update my profile picture.",
            "How do I close my account?",
            "My user name is wrong.",
            "The password reset link never came.",
            "Please unlock my account.",
            "I need access to my account again.",
            "How do I create a second user account?",
            "I lost my login data.",
            "My account was suspended.",
            "How do I turn on two-factor login?",
        ),
    ),
    Meaning(
        ("shipping", "delivery", "logistics", "shipment"),
        ("parcels and delivery", "where a package is", "late or lost packages", "delivery of orders"),
        (
            "Where is my package?",
            "My {t} has not arrived yet.",
            "The parcel is late.",
            "The delivery to {c} takes too long.",
            "My package was delivered to the wrong address.",
            "When will my {t} be delivered?",
            "The courier did not ring the bell.",
            "The tracking number does not show anything.",
            "Do you ship to {c}?",
            "My order has been in transit for {n} days.",
            "The parcel with my {t} got lost.",
            "Can I change the delivery address?",
            "The package arrived damaged by the carrier.",
            "My shipment is stuck in {c}.",
            "How long does shipping take?",
            "The driver left the parcel in the rain.",
            "Has my {t} been shipped?",
            "The delivery was planned for {d} but nothing came.",
            "How much is shipping to {c}?",
            "The tracking page says that the parcel is still in {c}.",
        ),
    ),
    Meaning(
        ("refund", "returns", "return", "refunds"),
        ("returning things and getting money back", "refunds", "sending a product back", "customers who want their money back"),
        (
            "I want my money back.",
            "I would like to return the {t}.",
            "How do I get a refund?",
            "Please refund my order.",
            "I want to send the {t} back.",
            "Can I return this {t}?",
            "When do I get the refund for my {t}?",
            "I returned the {t} and still wait for my money.",
            "I changed my mind and want to return it.",
            "Please give me my money back for the {t}.",
            "How many days do I have to return an item?",
            "I ask for a full refund.",
            "Where do I send the {t} I want to return?",
            "My refund has not arrived.",
            "The {t} is too small, I want to send it back.",
            "I need a return label for my {t}.",
            "Refund me for the {t}, please.",
            "The {t} does not fit, can I give it back?",
        ),
    ),
    Meaning(
        ("sales", "buying", "purchase", "pricing"),
        ("people who want to buy", "prices and offers", "questions before buying", "new customers"),
        (
            "I would like to buy {n} licenses.",
            "Do you have a discount for schools?",
            "How much does the premium plan cost?",
            "Can I get a quote for {n} pieces?",
            "I am interested in buying your {t}.",
            "Is there a free trial?",
            "Can you send me an offer?",
            "What is the price of the {t}?",
            "We want to order {n} of the {t}.",
            "Which plan is best for a small company?",
            "Do you offer a discount for {n} users?",
            "I want to talk to a sales person.",
            "Can I see a demo before I buy?",
            "Which {t} would you recommend to buy?",
            "Is the {t} on sale?",
            "We are thinking of buying your product for our team in {c}.",
            "Do you have a price list?",
            "I would like to upgrade to the premium plan.",
        ),
    ),
    Meaning(
        ("feedback", "suggestion", "feature request", "ideas"),
        ("ideas and wishes", "suggestions for new features", "what users would like to have"),
        (
            "It would be great to have a dark mode.",
            "Please add a calendar to the app.",
            "I have an idea for a new feature.",
            "I suggest bigger buttons.",
            "You should add support for {l}.",
            "It would be nice to sort the list by date.",
            "I wish the app could read texts aloud.",
            "My suggestion: add a search box.",
            "Could you add a map of {c} in the next version?",
            "A new feature I would love is sharing.",
            "Please make the font size adjustable in the future.",
            "An idea: show the weather on the start page.",
        ),
    ),
    Meaning(
        ("job", "careers", "hr", "application"),
        ("people who look for work", "job applications", "working at our company"),
        (
            "I would like to apply for the job as {j}.",
            "Do you have open positions for {j}s?",
            "Please find my CV attached.",
            "Are you hiring in {c}?",
            "I am looking for an internship.",
            "I want to work for your company as a {j}.",
            "Whom do I send my application to?",
            "When will I hear about my job interview?",
            "Is the position as {j} still open?",
            "I apply for a job in your office in {c}.",
        ),
    ),
)
_TOPICS = (
    Meaning(
        ("sports", "sport"),
        ("games, teams and matches", "athletes and competitions"),
        (
            "The team from {c} won the match by three goals.",
            "The striker scored twice in the final.",
            "{p} won the tennis tournament.",
            "The runner finished the marathon in two hours.",
            "The coach of {c} was happy with the players.",
            "The basketball game ended with a close score.",
            "{p} broke the swimming record.",
            "The football club from {c} has a new goalkeeper.",
            "The cyclist won the race to {c}.",
            "The league starts again in {m}.",
            "{p} trains for the championship.",
            "The referee showed a red card.",
        ),
    ),
    Meaning(
        ("politics", "government"),
        ("elections and governments", "laws and parties"),
        (
            "The parliament voted on the new law.",
            "{p} won the election in {c}.",
            "The minister presented the budget.",
            "The president met the prime minister in {c}.",
            "The party chose {p} as its candidate.",
            "The government wants to change the tax law.",
            "Voters in {c} go to the polls in {m}.",
            "The senator {p} gave a speech about the new law.",
            "The mayor of {c} was elected again.",
            "The opposition voted against the reform.",
            "The two countries signed a treaty.",
            "The ministry published a new law.",
        ),
    ),
    Meaning(
        ("technology", "tech", "computers"),
        ("computers and software", "devices and the internet"),
        (
            "The new laptop has a faster processor.",
            "The company released an update of its software.",
            "Engineers in {c} built a robot.",
            "The phone has a better battery and a new chip.",
            "A new programming language was published.",
            "{p} wrote an app for smartphones.",
            "The data center in {c} runs thousands of servers.",
            "The browser got a new version.",
            "The startup builds computer chips in {c}.",
            "The internet was faster after the upgrade.",
            "The new tablet has a sharp screen.",
            "The developers fixed a bug in the operating system.",
        ),
    ),
    Meaning(
        ("science", "research"),
        ("discoveries and experiments", "what researchers found"),
        (
            "Researchers found a new planet.",
            "Scientists measured the temperature of a star.",
            "The telescope took pictures of a galaxy.",
            "The experiment showed how cells divide.",
            "{p} published a study about atoms.",
            "Biologists in {c} discovered a new species.",
            "The physicist {p} explained the particle.",
            "The laboratory in {c} studies molecules.",
            "Chemists made a new material.",
            "The astronomers watched a comet.",
            "Geologists examined old rocks near {c}.",
            "The study explains how the brain learns.",
        ),
    ),
    Meaning(
        ("food", "cooking", "recipes"),
        ("cooking and eating", "recipes and meals"),
        (
            "Add salt to the soup and stir it.",
            "Bake the cake for 40 minutes.",
            "The restaurant serves fresh {f}.",
            "Cut the onions and fry them in oil.",
            "{p} cooked {f} for dinner.",
            "The recipe needs two eggs and some flour.",
            "The chef in {c} is famous for {f}.",
            "Boil the pasta and add the sauce.",
            "The best {f} is made with butter.",
            "Mix sugar and milk for the dessert.",
            "We ate {f} with garlic.",
            "Serve the {f} with lemon.",
        ),
    ),
    Meaning(
        ("travel", "tourism", "vacation"),
        ("trips and hotels", "holidays and places to visit"),
        (
            "We booked a hotel near the beach in {c}.",
            "The flight to {c} takes three hours.",
            "Tourists love the old town of {c}.",
            "Pack your suitcase for the trip to {c}.",
            "Our holiday in {c} was wonderful.",
            "The guide shows visitors the castle of {c}.",
            "{p} travels through {c} by train.",
            "The passport is needed at the border.",
            "A vacation in {c} is cheap in {m}.",
            "The cruise ship stops in {c}.",
            "The tour starts at the cathedral of {c}.",
            "We spent our vacation on an island.",
        ),
    ),
    Meaning(
        ("health", "medicine"),
        ("doctors and illnesses", "staying well"),
        (
            "The doctor prescribed medicine for the cough.",
            "Patients wait at the hospital in {c}.",
            "Sleep is good for your heart.",
            "The nurse measured the blood pressure.",
            "{p} has a fever and a headache.",
            "A vaccine protects against the flu.",
            "The dentist checked the teeth.",
            "The clinic in {c} treats broken bones.",
            "Eat vitamins to stay well.",
            "The surgeon operated on the knee.",
            "The pharmacy sells pills against pain.",
            "The patient recovered from the illness.",
        ),
    ),
    Meaning(
        ("business", "economy", "finance"),
        ("companies and markets", "profits and trade"),
        (
            "The company reported higher profits.",
            "Shares of {k} fell by five percent.",
            "{k} buys a rival from {c}.",
            "The bank raised the interest rate.",
            "Investors are worried about the market.",
            "{k} plans to open a factory in {c}.",
            "Sales of {k} grew in {m}.",
            "The stock market closed higher.",
            "The chief executive of {k} expects more revenue.",
            "{k} and {p} signed a contract.",
            "Exports rose in {m}.",
            "The merger creates a large company.",
        ),
    ),
    Meaning(
        ("music",),
        ("songs and concerts", "bands and singers"),
        (
            "The band played its new song in {c}.",
            "The singer {p} released an album.",
            "The orchestra gave a concert in {c}.",
            "{p} plays the piano.",
            "The guitarist wrote a new song.",
            "The choir sang in the church.",
            "The album by {p} has ten songs.",
            "Thousands danced at the concert.",
            "The drummer left the band.",
            "The violin concert begins in the evening.",
            "The opera in {c} opens in {m}.",
            "{p} sings and plays the guitar.",
        ),
    ),
    Meaning(
        ("weather",),
        ("rain, sun and storms", "forecasts"),
        (
            "It will rain in {c} tomorrow.",
            "The forecast says snow for the weekend.",
            "A storm is coming to {c}.",
            "The sun shines and it is warm.",
            "Temperatures in {c} fall below zero.",
            "Strong wind is expected in {c}.",
            "It is cloudy with some showers.",
            "The heat wave in {c} ends in {m}.",
            "Fog covers the valley this morning.",
            "There was thunder and lightning over {c}.",
            "It is going to be sunny and dry.",
            "The night will be cold and clear.",
        ),
    ),
    Meaning(
        ("education", "school"),
        ("schools and students", "learning and teaching"),
        (
            "The students passed the exam.",
            "The teacher gave the pupils homework.",
            "The school in {c} gets a new classroom.",
            "{p} studies at the university.",
            "The professor gave a lecture.",
            "Children learn to read in the first grade.",
            "The course ends with a test in {m}.",
            "The university of {c} has more students.",
            "The pupils wrote an essay.",
            "{p} teaches mathematics to children.",
            "The class visited the school library.",
            "Homework is due on {d}.",
        ),
    ),
    Meaning(
        ("animals", "nature", "wildlife"),
        ("animals and plants", "the living world"),
        (
            "The lion sleeps under a tree.",
            "The forest near {c} is full of birds.",
            "The cat had five kittens.",
            "Whales swim in the ocean.",
            "The zoo of {c} has a baby elephant.",
            "Bees collect pollen from flowers.",
            "Wolves live in the mountains near {c}.",
            "The dog chased a rabbit through the grass.",
            "Oak trees grow slowly.",
            "The bird built a nest.",
            "Frogs live near the pond.",
            "The bear looks for honey in the woods.",
        ),
    ),
)
_URGENCY = (
    Meaning(
        ("low", "not urgent", "minor"),
        ("it can wait", "no hurry"),
        (
            "No hurry, but could you change the color of the button?",
            "Whenever you have time, please update the {t}.",
            "This is not urgent at all.",
            "It can wait until next month.",
            "Just a small question about the {t}, no rush.",
            "There is a typo on the page about {c}.",
            "It would be nice to have this some day.",
            "Take your time with this.",
            "A minor thing: the logo is a bit blurry.",
            "If you find time next month, please look at the {t}.",
            "No rush, I only wonder about the {t}.",
            "Low priority: please rename the file.",
        ),
    ),
    Meaning(
        ("medium", "normal", "moderate"),
        ("this week", "soon, but not at once"),
        (
            "Please fix the {t} this week.",
            "I need an answer in the next few days.",
            "Could you look at the {t} by {d}?",
            "Please handle this by the end of the week.",
            "The report should be ready in a few days.",
            "I would like this done by {d}.",
            "The {t} should be repaired in the coming days.",
            "Please answer within a few days.",
            "It should be done this week.",
            "We need the {t} by the end of the week.",
        ),
    ),
    Meaning(
        ("high", "urgent", "critical"),
        ("at once", "it cannot wait"),
        (
            "The whole system is down, help immediately!",
            "This is urgent, we cannot work!",
            "Nobody can log in, please fix this now!",
            "Emergency: the server room is on fire!",
            "We are losing customers every minute, act now!",
            "Please call me at once, the {t} is leaking!",
            "Critical: all data is gone!",
            "I need this right now!",
            "Production in {c} has stopped, help us immediately!",
            "URGENT: the payment system is down!",
            "Help, the {t} is burning!",
            "We need the {t} right now, everything has stopped!",
        ),
    ),
)
_SPAM = (
    Meaning(
        ("spam", "junk"),
        ("advertising and fraud", "unwanted mail"),
        (
            "You have won ${n}! Click here to claim your prize!",
            "Buy cheap pills online now!!!",
            "Congratulations, you are our lucky winner!",
            "Get rich fast with this secret trick!",
            "Claim your free {t} now, only today!",
            "Make ${n} a day from home!",
            "Your account will be closed, send us your password now!",
            "Lose weight in {n} days, click here!",
            "Free money! Act now!",
            "Hot deal: {n}% off, click this link!",
            "You inherited ${n}, send your bank details!",
            "Exclusive offer, click now to win a {t}!",
            "Win a free trip to {c}, click here!",
            "Double your money in {n} days, guaranteed!",
        ),
    ),
    Meaning(
        ("ham", "not spam", "normal", "legitimate"),
        ("normal messages", "mail from people one knows"),
        (
            "Are we still meeting for lunch on {d}?",
            "Please find the report attached.",
            "Thanks for your help with the {t} yesterday.",
            "Can you send me the notes of the meeting?",
            "The meeting on {d} is moved to the afternoon.",
            "Hi {p}, how was your trip to {c}?",
            "I will be ten minutes late.",
            "Mom, can you bring the {t}?",
            "Dinner at our place on {d}?",
            "The train to {c} leaves at noon, see you there.",
            "Could you review my document?",
            "{p} is on holiday in {m}.",
            "Happy birthday, {p}!",
            "I left the {t} on your desk.",
        ),
    ),
)
_INTENTS = (
    Meaning(
        ("greeting", "greet", "hello"),
        ("says hello",),
        (
            "Hi there!",
            "Hello!",
            "Good morning!",
            "Hey, how are you?",
            "Hello, {p} here.",
            "Good evening, {p}.",
            "Hi {p}!",
            "Hey there, nice to see you.",
        ),
    ),
    Meaning(
        ("goodbye", "bye", "farewell"),
        ("says goodbye",),
        (
            "Bye!",
            "See you on {d}!",
            "Goodbye, {p}.",
            "Talk to you later.",
            "Bye, see you tomorrow.",
            "Have a good night, bye.",
            "I have to go, see you.",
            "Farewell, {p}!",
        ),
    ),
    Meaning(
        ("thanks", "gratitude", "thank_you"),
        ("says thank you",),
        (
            "Thank you so much!",
            "Thanks, {p}!",
            "Thanks for the {t}.",
            "I am very grateful for your help.",
            "Many thanks!",
            "Thank you for the trip to {c}.",
            "Thanks a lot for everything.",
            "That helped, thank you.",
        ),
    ),
    Meaning(
        ("weather", "get_weather", "weather_query"),
        ("asks for the weather",),
        (
            "Will it rain in {c} tomorrow?",
            "What is the weather in {c}?",
            "Is it sunny in {c}?",
            "How warm is it in {c}?",
            "Do I need an umbrella on {d}?",
            "What's the forecast for {c}?",
            "Is it snowing in {c}?",
            "How cold will it be on {d}?",
        ),
    ),
    Meaning(
        ("alarm", "set_alarm", "reminder", "set_reminder"),
        ("wants to be reminded",),
        (
            "Wake me up in {n} minutes.",
            "Set an alarm for six.",
            "Remind me to buy a {t}.",
            "Remind me to call {p} on {d}.",
            "Set a reminder for {d}.",
            "Wake me at seven on {d}.",
            "Do not let me forget the {t}.",
            "Please remind me of my trip to {c}.",
        ),
    ),
    Meaning(
        ("music", "play_music", "play"),
        ("wants to hear music",),
        (
            "Play some jazz.",
            "Play a song by {p}.",
            "Put on some music.",
            "I want to hear the new album of {p}.",
            "Turn on the radio and play rock.",
            "Play my favorite song.",
            "Play something by {p}.",
            "Start my playlist.",
        ),
    ),
    Meaning(
        ("booking", "book", "reservation", "book_flight"),
        ("wants to book something",),
        (
            "Book a flight to {c}.",
            "I want to reserve a table for {n}.",
            "Book me a hotel in {c}.",
            "Reserve two seats on the train to {c}.",
            "I need a room in {c} on {d}.",
            "Please book a flight for {p}.",
            "Get me a ticket to {c}.",
            "Reserve a room for {d}.",
        ),
    ),
    Meaning(
        ("cancel", "cancellation", "cancel_order"),
        ("wants to cancel something",),
        (
            "Cancel my order.",
            "I want to cancel the {t}.",
            "Please cancel my trip to {c}.",
            "Cancel my appointment on {d}.",
            "Stop my subscription.",
            "I do not want the {t} any more, cancel it.",
            "Please cancel the meeting with {p}.",
            "Cancel everything on {d}.",
        ),
    ),
    Meaning(
        ("complaint", "complain"),
        ("is unhappy and complains",),
        (
            "This is unacceptable!",
            "I am very unhappy with the {t}.",
            "The {t} is broken, I am angry.",
            "Your service is terrible.",
            "I want to complain about {p}.",
            "The staff in {c} was rude to me.",
            "I am disappointed with your {t}.",
            "Nobody answers, this is awful.",
        ),
    ),
    Meaning(
        ("question", "information", "info"),
        ("asks for information",),
        (
            "What are your opening hours?",
            "How does the {t} work?",
            "Where is your office in {c}?",
            "Who is {p}?",
            "What is a {t}?",
            "How old is {p}?",
            "Which languages do you speak?",
            "When do you open on {d}?",
        ),
    ),
)
_GOOD = (
    "I love this {t}.",
    "This {t} is {g}.",
    "The {t} was {g} and {g2}.",
    "What a {g} {t}!",
    "I really enjoyed the {t}.",
    "The {t} is {g}, I would buy it again.",
    "Best {t} ever!",
    "I am very happy with the {t}.",
    "{p} was {g} and helped me a lot.",
    "The {t} works perfectly.",
    "Absolutely {g}!",
    "The {t} made my day.",
    "I can only recommend the {t}.",
    "Five stars for the {t}.",
    "Everything about the {t} was {g}.",
    "The {t} in {c} was {g}.",
    "Thank you, the {t} is {g}!",
    "I am impressed by this {g} {t}.",
    "My family loves the {t}.",
    "It was a {g} day in {c}.",
    "The {t} is not bad at all, I like it.",
    "Such a {g} experience with the {t}.",
    "The {t} was {b} at first, but now it is {g} and I love it.",
    "A pleasure to use.",
)
_BAD = (
    "I hate this {t}.",
    "This {t} is {b}.",
    "The {t} was {b} and {b2}.",
    "What a {b} {t}!",
    "I really disliked the {t}.",
    "The {t} is {b}, I will never buy it again.",
    "Worst {t} ever!",
    "I am very unhappy with the {t}.",
    "{p} was {b} and did not help me.",
    "The {t} does not work.",
    "Absolutely {b}!",
    "The {t} ruined my day.",
    "I cannot recommend the {t}.",
    "One star for the {t}.",
    "Everything about the {t} was {b}.",
    "The {t} in {c} was {b}.",
    "I want my money back, the {t} is {b}.",
    "I am disappointed by this {b} {t}.",
    "My family hates the {t}.",
    "It was a {b} day in {c}.",
    "The {t} is not good at all.",
    "Such a {b} experience with the {t}.",
    "The {t} was {g} at first, but now it is {b} and I hate it.",
    "A waste of money.",
)
_NEUTRAL = (
    "The {t} is on the table.",
    "I bought the {t} on {d}.",
    "The {t} comes from {c}.",
    "The meeting with {p} is on {d}.",
    "The {t} costs ${n}.",
    "{p} lives in {c}.",
    "The {t} has {n} parts.",
    "The store in {c} opens on {d}.",
    "It is a {t}.",
    "The {t} arrived on {d}.",
    "The report has {n} pages.",
    "The {t} is okay.",
    "It is neither good nor bad.",
    "The {t} is average.",
    "The train to {c} leaves on {d}.",
    "{p} sent the {t} to {c}.",
    "The box contains a {t}.",
    "The {t} was made in {m}.",
    "The order number is {n}.",
    "The office is in {c}.",
    "The {t} is an ordinary {t}.",
    "It was an average day in {c}.",
)
_SENTIMENTS = (
    Meaning(("positive", "good", "happy", "pos"), ("the writer is happy", "praise"), _GOOD),
    Meaning(("negative", "bad", "unhappy", "neg"), ("the writer is unhappy", "criticism"), _BAD),
    Meaning(("neutral", "mixed or neutral", "neither"), ("no feeling either way", "only facts"), _NEUTRAL),
)
_WORDS = (
    *[("positive", "negative", "neutral")] * 5,
    *[("good", "bad", "neutral"), ("happy", "unhappy", "neutral"), ("pos", "neg", "neutral"), ("good", "bad", "neither")],
)

_ENDINGS = (
    *[
        "",
        "",
        "",
        "",
        "",
        " Answer with one word.",
        " Answer with the label only.",
        " Respond with only the label.",
        " Reply with the category only.",
        " One word.",
        " No explanation.",
    ],
    *[
        " Output only the label.",
        " Just the label.",
        " Only answer with one of these labels.",
        " Do not explain.",
        " Respond with exactly one of them.",
    ],
)
_CLASSIFY = (
    "Classify the {x} as {labels}.",
    "Classify this {x} into one of: {labels}.",
    "Classify the following {x}: {labels}.",
    "Is this {x} {labels}?",
    "Which label fits the {x}: {labels}?",
    "Choose the right category for the {x}: {labels}.",
    "Label the {x} as {labels}.",
    "Pick one label for the {x}. Labels: {labels}.",
    "Categories: {labels}. Which category does the {x} belong to?",
    "Assign one of these labels to the {x}: {labels}.",
    "Sort the {x} into {labels}.",
    "What is the category of this {x}? Options: {labels}.",
    "You are a classifier. Answer with {labels}.",
    "Decide whether the {x} is {labels}.",
    "Possible labels: {labels}. Label the {x}.",
    "Choose one: {labels}.",
    "Categorize the {x} as {labels}.",
    "Given the categories {labels}, classify the {x}.",
    "Tell me if the {x} is {labels}.",
    "Determine the class of the {x} ({labels}).",
    "Read the {x} and answer with {labels}.",
    "Your job is to classify a {x} as {labels}.",
    "Select the best label from {labels} for this {x}.",
    "The {x} is one of {labels}. Which one?",
    "Classify: {labels}.",
    "Please classify the {x}. Use one of {labels}.",
    "Respond with the category of the {x}: {labels}.",
    "What kind of {x} is this: {labels}?",
    "Put the {x} into one of these classes: {labels}.",
    "Return one of {labels} for the {x}.",
)
_ROUTE = (
    "Route the ticket to the right team: {labels}.",
    "Which team should handle this {x}: {labels}?",
    "Send this {x} to one of these departments: {labels}.",
    "Which queue does the {x} belong to: {labels}?",
    "Which department is responsible: {labels}?",
    "Forward the {x} to {labels}.",
    "Triage the {x}. Queues: {labels}.",
    "You route support tickets. Answer with {labels}.",
)
_SENTIMENT_ASKS = (
    "What is the sentiment of this {x}: {labels}?",
    "Classify the sentiment as {labels}.",
    "Is the sentiment {labels}?",
    "Determine the sentiment of the {x} ({labels}).",
    "Sentiment analysis: answer {labels}.",
    "Classify the sentiment of the following {x}. Answer with {labels}.",
    "Rate the mood of this {x}: {labels}.",
    "How does the writer feel: {labels}?",
    "Tell me the sentiment: {labels}.",
    "Analyze the sentiment of the {x}. Labels: {labels}.",
    "Is this {x} {labels}?",
    "Sentiment ({labels})?",
)
_BARE_SENTIMENT = (
    "What is the sentiment of this {x}?",
    "Classify the sentiment.",
    "Determine the sentiment of the {x}.",
    "Sentiment?",
    "Analyze the sentiment of this {x}.",
    "Give the sentiment of the {x} in one word.",
    "Is this {x} positive or negative?",
    "What is the sentiment?",
)
_BULLETED = (
    "Classify the {x}. Categories:\n{labels}",
    "Choose one of these labels:\n{labels}",
    "Labels:\n{labels}\nAnswer with one label.",
    "Assign one of the following categories to the {x}:\n{labels}",
    "Which of these fits the {x}?\n{labels}",
    "Pick the best category:\n{labels}\nAnswer only with the category.",
)
_NUMBERED = (
    "Classify the {x}. Answer with the number only.\n{labels}",
    "Which number fits the {x}?\n{labels}",
    "Choose a number:\n{labels}\nReply with just the number.",
    "Answer with the number of the right category.\n{labels}",
    "Categories by number:\n{labels}\nGive the number.",
    "Pick one and answer with its number:\n{labels}",
)
_AS_JSON = (
    ' Answer as JSON: {{"{key}": "..."}}.',
    ' Return JSON with the key "{key}".',
    ' Respond with a JSON object like {{"{key}": ...}}.',
    " Answer in JSON with the key {key}.",
    ' Output JSON: {{"{key}": string}}.',
    " JSON only, with the key {key}.",
)
_COMPOSED = (*_TICKETS, *_TOPICS)
"""Meanings whose texts are composed of cues too; intents may share a name with a topic."""

_PREFIXES = ("", "", "", "", "", "Hello, ", "Hi! ", "Hi team. ", "Good morning. ", "Dear support, ", "Excuse me. ")
_SUFFIXES = (
    "",
    "",
    "",
    "",
    "",
    " Thanks.",
    " Please help.",
    " Thank you.",
    " Regards, {p}",
    " Please answer soon.",
    " My name is {p}.",
    " Best, {p}",
)


def _meant(draw: Draw, meaning: Meaning, *, framed: bool = False) -> str:
    """A text that belongs to ``meaning``: composed, or one of its own."""
    made = cues.text(draw, meaning.names[0]) if meaning in _COMPOSED and draw.chance(0.5) else None
    return _text(draw, meaning.texts if made is None else (made,), framed=framed)


def _text(draw: Draw, texts: tuple[str, ...], *, framed: bool = False) -> str:
    """One of ``texts`` with its places filled, sometimes between a greeting and thanks."""
    form = draw.phrase(texts)
    if framed:
        prefix = draw.one(_PREFIXES)
        form = prefix + form + draw.one(_SUFFIXES)
    if "{" not in form:
        return form
    return form.format(
        t=draw.entity(words.REVIEWED) if texts in (_GOOD, _BAD, _NEUTRAL) and draw.chance(0.6) else draw.thing(),
        c=draw.city(),
        p=draw.first_name(),
        n=draw.number(2, 999),
        m=draw.one(words.MONTHS),
        d=draw.one(words.DAYS),
        l=draw.one(words.LANGUAGES),
        j=draw.entity(words.JOBS),
        f=draw.entity(words.FOODS),
        k=draw.company(),
        g=draw.one(words.GOOD_ADJECTIVES),
        g2=draw.one(words.GOOD_ADJECTIVES),
        b=draw.one(words.BAD_ADJECTIVES),
        b2=draw.one(words.BAD_ADJECTIVES),
    )


def _labels_said(draw: Draw, labels: Sequence[str]) -> str:
    share = draw.number(0, 12)
    if share <= 5:
        return listing(draw, labels, "or")
    if share <= 8:
        return ", ".join(labels)
    if share == 9:
        return dumps(list(labels))
    if share == 10:
        return draw.one((" / ", " | ", "/")).join(labels)
    quote = draw.one(("'", '"', "`"))
    return listing(draw, [f"{quote}{label}{quote}" for label in labels], draw.one(("or", "and")))


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, and how an answer is written for each of the meanings."""

    instruction: str
    answers: tuple[str, ...]
    kind: str


def _task(draw: Draw, meanings: Sequence[Meaning], labels: Sequence[str], noun: str, asks: tuple[str, ...]) -> Task:
    """An instruction for ``labels``, which stand for ``meanings`` (or, past their end, for none of them)."""
    share = draw.number(1, 100)
    if share <= 62:
        ending = draw.one(_ENDINGS)
        instruction = draw.phrase(asks).format(x=noun, labels=_labels_said(draw, labels)) + ending
        if not ending and draw.chance(0.3):
            key = draw.one(("label", "category", "class", "result", "answer", "type"))
            return Task(instruction + draw.phrase(_AS_JSON).format(key=key), tuple(dumps({key: label}) for label in labels), "json")
        return Task(instruction, tuple(labels), "labels")
    if share <= 72:
        mark = draw.one(("- ", "* ", "- ", ""))
        return Task(draw.phrase(_BULLETED).format(x=noun, labels="\n".join(mark + label for label in labels)), tuple(labels), "bullets")
    if share <= 88:
        mark = draw.one((": ", " - ", " = "))
        rows = [
            f"- {label}{mark}{draw.one(meanings[i].about) if i < len(meanings) else 'everything else'}" for i, label in enumerate(labels)
        ]
        return Task(draw.phrase(_BULLETED).format(x=noun, labels="\n".join(rows)), tuple(labels), "described")
    if share <= 94:
        mark = draw.one((". ", " = ", ") ", ": "))
        rows = [f"{i}{mark}{label}" for i, label in enumerate(labels, 1)]
        return Task(
            draw.phrase(_NUMBERED).format(x=noun, labels="\n".join(rows)), tuple(str(i) for i in range(1, len(labels) + 1)), "numbers"
        )
    key = draw.one(("label", "category", "class"))
    schema = dumps({"type": "object", "properties": {key: {"type": "string", "enum": list(labels)}}})
    return Task(
        f"Classify the {noun}. Answer with JSON for this schema:\n{schema}", tuple(dumps({key: label}) for label in labels), "schema"
    )


def _cased(draw: Draw, labels: list[str]) -> list[str]:
    style = draw.number(0, 9)
    if style == 0:
        return [label.upper() for label in labels]
    if style <= 2:
        return [capital(label) for label in labels]
    return labels


def _standing(draw: Draw, task: Task, texts: list[tuple[str, int]]) -> list[Turn]:
    """The turns for ``texts`` (text, index of its answer), of which the first comes with the instruction."""
    (first, index), *others = texts
    if others:
        turns = [system(task.instruction), user(first), assistant(task.answers[index])]
    else:
        turns = [*lay(draw, task.instruction, first, _LABELS), assistant(task.answers[index])]
    for text, place in others:
        turns += [user(text), assistant(task.answers[place])]
    return turns


_LABELS = ("", "", "Text: ", "Input: ", "Ticket: ", "Message: ", "Text:\n", "Review: ")


def _classify(draw: Draw) -> Chat:
    """A label of a set that stands in the prompt."""
    family, noun, extra = draw.one(_FAMILIES)
    ordered = family in (_URGENCY, _SPAM)
    count = len(family) if ordered else draw.number(2, min(5, len(family)))
    meanings = list(family) if ordered else draw.some(family, count)
    if ordered and draw.chance(0.3):
        meanings = draw.shuffled(meanings)
    named = [meaning.names[0] if draw.chance(0.6) else draw.one(meaning.names) for meaning in meanings]
    labels = _cased(draw, named)
    rest = not ordered and len(family) > count and draw.chance(0.2)
    if rest:
        labels.append("Other" if labels[0][0].isupper() else "other")
    task = _task(draw, meanings, labels, draw.one(noun), (*_CLASSIFY, *extra))
    texts = []
    for _ in range(draw.one((1, 1, 3, 4, 6))):
        index = draw.number(0, len(labels) - 1)
        others = [meaning for meaning in family if meaning not in meanings]
        meaning = meanings[index] if index < len(meanings) else draw.one(others)
        texts.append((_meant(draw, meaning, framed=family is _TICKETS), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, task.kind)


_FAMILIES: tuple[tuple[tuple[Meaning, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    *[(_TICKETS, ("ticket", "ticket", "message", "request", "email", "support ticket", "text"), _ROUTE)] * 4,
    *[
        (
            _TOPICS,
            ("text", "sentence", "article", "news"),
            ("What is the topic of the {x}: {labels}?", "What is this {x} about: {labels}?", "Topic ({labels})?"),
        )
    ]
    * 3,
    (
        _URGENCY,
        ("ticket", "message", "request"),
        (
            "What is the priority of the {x}: {labels}?",
            "How urgent is this {x}: {labels}?",
            "Rate the urgency as {labels}.",
            "Set the priority: {labels}.",
        ),
    ),
    (_SPAM, ("message", "email", "text", "mail"), ("Detect spam: {labels}.", "Spam filter: answer {labels}.")),
    *[
        (
            _INTENTS,
            ("message", "request", "text", "utterance"),
            ("What is the intent: {labels}?", "What does the user want: {labels}?", "Detect the intent of the {x}: {labels}."),
        )
    ]
    * 2,
)


def _sentiment(draw: Draw) -> Chat:
    """Positive, negative or neutral, with or without the labels in the prompt."""
    names = list(draw.one(_WORDS))
    count = 2 if draw.chance(0.4) else 3
    meanings = list(_SENTIMENTS[:count])
    noun = draw.one(("review", "text", "sentence", "comment", "message", "tweet"))
    if draw.chance(0.2):
        instruction = draw.phrase(_BARE_SENTIMENT).format(x=noun) + draw.one(_ENDINGS)
        count = 2 if " or " in instruction else count
        task = Task(instruction, ("positive", "negative", "neutral")[:count], "bare")
    else:
        order = draw.shuffled(range(count)) if draw.chance(0.4) else list(range(count))
        labels = _cased(draw, [names[i] for i in order])
        meanings = [meanings[i] for i in order]
        asks = _SENTIMENT_ASKS if draw.chance(0.7) else _CLASSIFY
        task = _task(draw, meanings, labels, noun, asks)
    texts = []
    for _ in range(draw.one((1, 1, 3, 4, 6))):
        index = draw.number(0, count - 1)
        texts.append((_meant(draw, meanings[index]), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, "sentiment")


def _invented(draw: Draw) -> Chat:
    """Labels that mean nothing by themselves: the prompt says what they stand for."""
    family = draw.one((_TICKETS, _TOPICS, _INTENTS, _SENTIMENTS, _TICKETS, _TOPICS))
    meanings = draw.some(family, draw.number(2, min(4, len(family))))
    style = draw.number(0, 2)
    labels = ["ABCD"[i] for i in range(len(meanings))] if style == 0 else [draw.invented() for _ in meanings]
    labels = [capital(label) for label in labels] if style == 2 else labels
    mark = draw.one((": ", " - ", " = ", ": about "))
    told = [draw.one((*meaning.about, meaning.names[0])) for meaning in meanings]
    if draw.chance(0.7):
        bullet = draw.one(("- ", "", "* "))
        rows = "\n".join(f"{bullet}{label}{mark}{about}" for label, about in zip(labels, told, strict=True))
        instruction = draw.phrase(_BULLETED).format(x="text", labels=rows)
    else:
        instruction = " ".join(
            f"Answer {label} if it is about {about}." if family is not _SENTIMENTS else f"Answer {label} if it is {meaning.names[0]}."
            for label, about, meaning in zip(labels, told, meanings, strict=True)
        )
    task = Task(instruction, tuple(labels), "invented labels")
    texts = []
    for _ in range(draw.one((1, 3, 5, 7))):
        index = draw.number(0, len(meanings) - 1)
        texts.append((_meant(draw, meanings[index]), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, task.kind)


_YES_NO = (
    " Answer yes or no.",
    " Answer with yes or no.",
    " Yes or no?",
    " Reply only with yes or no.",
    " Answer yes or no only.",
    " (yes/no)",
    " Respond with yes or no.",
)
_ABOUT = (
    "Is this {x} about {label}?",
    "Does the {x} belong to {label}?",
    "Is the topic {label}?",
    "Does this {x} talk about {label}?",
    "Is it about {label}?",
    "Should this {x} be filed under {label}?",
)
_FEELS = (
    (
        "Is the writer happy?",
        "Is this positive?",
        "Is the review positive?",
        "Does the writer like it?",
        "Is the customer satisfied?",
        "Is this praise?",
    ),
    (
        "Is the writer unhappy?",
        "Is this negative?",
        "Is the review negative?",
        "Is the customer angry?",
        "Is this a complaint?",
        "Does the writer dislike it?",
    ),
)
_MENTIONS = (
    "Does the text mention {v}?",
    "Is {v} mentioned?",
    "Does {v} appear in the text?",
    "Is there anything about {v} in the text?",
    "Does the message contain {v}?",
    "Does the text say anything about {v}?",
)


def _yes_no(draw: Draw) -> Chat:
    """A question about a text that yes or no answers."""
    share, yes = draw.number(0, 3), draw.chance(0.5)
    noun = draw.one(("text", "message", "sentence"))
    if share == 0:
        family = draw.one((_TICKETS, _TOPICS))
        asked, other = draw.some(family, 2)
        question = draw.phrase(_ABOUT).format(x=noun, label=asked.names[0])
        text = _meant(draw, asked if yes else other)
    elif share == 1:
        side = draw.number(0, 1)
        question = draw.phrase(_FEELS[side])
        text = _text(draw, (_GOOD, _BAD)[side if yes else 1 - side])
    elif share == 2:
        question = draw.one(("Is this spam?", "Is this message spam?", "Spam?", "Is the following mail spam?"))
        text = _text(draw, _SPAM[0 if yes else 1].texts)
    else:
        names = [draw.person(), draw.city(), draw.thing()]
        text = draw.one(
            ("{0} bought {2} in {1}.", "{0} lives in {1} and has {2}.", "In {1}, {0} found {2}.", "{0} sent {2} to {1}.")
        ).format(names[0], names[1], article(names[2]))
        place = draw.number(0, 2)
        other_value = (draw.person, draw.city, draw.thing)[place]()
        value = names[place] if yes or other_value in text else other_value
        yes = value == names[place]
        question = draw.phrase(_MENTIONS).format(v=value)
    style = draw.number(0, 4)
    ending = draw.phrase(_YES_NO)
    answers = ("no", "yes")
    if style == 0:
        ending, answers = draw.one((" Answer true or false.", " Reply with true or false.", " True or false?")), ("false", "true")
    elif style == 1:
        ending, answers = draw.one((" Answer YES or NO.", " Reply YES or NO.")), ("NO", "YES")
    elif style == 2:
        ending, answers = draw.one((" Answer Yes or No.", " Reply with Yes or No.", " Please answer Yes or No.")), ("No", "Yes")
    return Chat((*lay(draw, question + ending, text), assistant(answers[yes])), NAME, "yes/no")


_KINDS = (*[_classify] * 9, *[_sentiment] * 3, *[_invented] * 4, *[_yes_no] * 5)


def chat(draw: Draw) -> Chat:
    """A text, or a few, and the label of each."""
    return draw.one(_KINDS)(draw)

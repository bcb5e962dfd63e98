"""What people ask a shop, a museum, a hotel or their own company, and what the answers say: wordings of about fifty topics.

``{n}`` is a number, ``{t}`` a thing, ``{c}`` a town, ``{d}`` a day of the week and ``{h}`` a time of day. One in six wordings is
held out of the training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to know: its name in a few words, how it is asked, how it is told."""

    name: str
    asked: tuple[str, ...]
    told: tuple[str, ...]


_LINES: Final = """
return policy | Can I return an item? / How do I send something back? / What is your return policy? / I want to give the {t} back. \
| Items can be returned within {n} days. / You may send unused goods back for {n} days after the purchase. / Returns are free within {n} days.
refund time | When do I get my money back? / How long does a refund take? / When will I be refunded? \
| Refunds are paid within {n} days. / Your money is returned to the card after {n} days. / We pay the amount back in {n} days.
shipping time | How long does shipping take? / When will my order arrive? / How fast do you deliver? / When do I get my {t}? \
| Orders arrive after {n} days. / Delivery takes {n} working days. / We ship within {n} days and the parcel is with you soon after.
shipping cost | How much is shipping? / What does delivery cost? / Is delivery free? / Do I pay for the parcel? \
| Shipping costs {n} euros. / Delivery is free from {n} euros. / We charge {n} dollars for each parcel.
shipping countries | Do you ship abroad? / Which countries do you deliver to? / Do you deliver to {c}? \
| We ship to all of Europe. / Orders are sent to {n} countries. / We deliver worldwide, except to islands.
tracking | How can I track my parcel? / Where is my package now? / Is there a tracking number? \
| The tracking number is in the confirmation mail. / You can follow the parcel with the link we send you. / A tracking link is sent on the day of shipping.
damaged goods | My {t} arrived broken. What now? / What if the product is damaged? / The {t} is defective. \
| Please send us a photo of the damage and we replace the item. / Broken goods are replaced free of charge. / For a defective product you get a new one.
warranty | How long is the warranty? / Is there a guarantee? / What does the warranty cover? \
| The warranty lasts {n} years. / We give a guarantee of {n} months on every {t}. / Faults are repaired free for {n} years.
payment methods | How can I pay? / Which cards do you accept? / Can I pay by invoice? / Do you take cash? \
| We accept credit cards and bank transfer. / You can pay by card, by invoice or in cash. / Payment is possible with all common cards.
invoice | Where do I find my invoice? / Can you send me a receipt? / I need the bill for my {t}. \
| Invoices can be downloaded from your account. / The receipt is attached to the confirmation mail. / Every bill is sent by email as a PDF.
discount | Is there a discount for students? / Do pupils pay less? / Are there reduced prices? \
| Students get {n} percent off. / There are reduced tickets for pupils and seniors. / With a student card you save {n} percent.
gift cards | Do you sell gift cards? / Can I give a voucher as a present? / How long is a gift card valid? \
| Gift cards are valid for {n} years. / Vouchers are sold at the desk. / A voucher can be bought online from {n} euros.
password | I forgot my password. / How do I reset my password? / I cannot log in any more. / My login fails. \
| Click on "forgot password" to choose a new one. / A link to reset the password is sent by email. / Passwords are reset on the login page.
delete account | How do I delete my account? / Can I close my account? / I want to remove my profile. \
| Accounts are deleted in the settings under privacy. / You can close your profile at any time. / Your account and all data in it are removed after {n} days.
change address | How can I change my address? / I have moved. / My delivery address is wrong. \
| The address can be changed in your profile. / Tell us the new address before the parcel is sent. / Update where you live under settings.
cancel subscription | How do I cancel my subscription? / Can I end the contract? / I want to stop the membership. \
| The subscription can be cancelled every month. / Memberships end {n} days after notice. / You can terminate the contract in your account.
free trial | Can I try it for free? / Is there a trial? / How long is the test period? \
| The trial is free for {n} days. / You can test everything without paying for {n} days. / New users try the product at no cost.
support hours | When is support available? / When can I call you? / What are the hours of the hotline? \
| Our team answers from {h} to {h}. / The hotline is open on weekdays. / You can reach support every day until {h}.
contact | How can I contact you? / Where can I write to? / What is your phone number? / I want to talk to a person. \
| Write to us by email or call the office. / You reach us by phone on weekdays. / Our contact form is at the bottom of the page.
opening hours | When are you open? / What are the opening hours? / Are you open on {d}? / When do you open? \
| We are open from {h} to {h}. / The doors open at {h}. / Opening hours are {h} to {h}, except on {d}.
closing day | Are you closed on {d}? / On which day are you closed? / Is there a day off? \
| We are closed on {d}. / There are no visits on {d}. / Every {d} is our day off.
ticket price | How much is a ticket? / What does the entry cost? / What is the admission? / Is the entry free? \
| A ticket costs {n} euros. / Admission is {n} dollars. / Entry is free for children, adults pay {n} euros.
group tickets | Are there tickets for groups? / We come with {n} people. Is it cheaper? / Do school classes get a discount? \
| Groups of {n} or more pay less. / For school classes there is a special price. / Group tickets are sold at the desk.
guided tours | Are there guided tours? / Can somebody show us around? / When does the tour start? \
| Guided tours start at {h}. / A guide shows visitors around every {d}. / Tours take {n} minutes and are free.
parking | Where can I park? / Is there a car park? / Does parking cost anything? / I come by car. \
| Cars can be left behind the building. / There are {n} parking spaces. / Parking costs {n} euros a day.
getting there | How do I get there? / Which bus goes to you? / Is there a station nearby? \
| Take bus {n} to the last stop. / The station is {n} minutes away on foot. / We are next to the main station in {c}.
wheelchair | Is the building accessible? / Is there a lift? / Can I come in a wheelchair? \
| All floors can be reached by lift. / There is a ramp at the entrance. / The house is accessible for wheelchairs.
dogs | Are dogs allowed? / Can I bring my pet? / May my cat come with me? \
| Pets are welcome. / Dogs must stay outside. / Animals are not allowed in the building.
photos | May I take photos? / Is photography allowed? / Can I use my camera inside? \
| Pictures may be taken without flash. / Photography is forbidden. / You may take photos for private use.
cloakroom | Where can I leave my bag? / Are there lockers? / Where do I hang my coat? \
| Lockers are next to the entrance. / Coats and bags can be left at the cloakroom. / Large bags must be locked away.
lost property | I lost my {t}. / Where is the lost property office? / Did you find my umbrella? \
| Found things are kept at the desk for {n} days. / Ask for lost items at the reception. / Lost property is in room {n}.
restaurant | Can I eat something there? / Is there a cafe? / Where do I get lunch? \
| The cafe serves lunch until {h}. / There is a restaurant on the first floor. / Meals and drinks are sold in the cafeteria.
breakfast | Is breakfast included? / When is breakfast? / What does breakfast cost? \
| Breakfast is served from {h} to {h}. / The morning buffet costs {n} euros. / Breakfast is part of the room price.
check-in | When can I check in? / From when is my room ready? / I arrive late. Is the desk open? \
| Rooms are ready from {h}. / You can check in after {h}. / The reception is staffed day and night.
check-out | When do I have to leave the room? / Until when is check-out? / Can I stay longer on the last day? \
| Please leave the room by {h}. / Check-out is until {h}. / A late departure costs {n} euros.
wifi | Is there internet? / What is the wifi password? / Does the room have wireless? \
| Wireless internet is free in all rooms. / The wifi password is on your key card. / Guests use the network without charge.
booking change | Can I change my booking? / How do I move my reservation? / I want to come a day later. \
| Reservations can be moved up to {n} days before. / Bookings are changed online at no cost. / Call us to change the date of your stay.
booking cancel | Can I cancel my reservation? / What happens if I cannot come? / Is cancelling free? \
| Cancelling is free until {n} days before arrival. / If you cancel later, one night is charged. / Reservations can be cancelled online.
vacation days | How many vacation days do I have? / How much holiday do employees get? / How do I ask for time off? \
| Every employee has {n} days of vacation a year. / Holidays are requested from your manager. / Time off is entered in the calendar {n} days ahead.
sick leave | What do I do when I am sick? / I am ill today. Whom do I tell? / Do I need a note from the doctor? \
| Tell your manager by {h} if you are ill. / A doctor's note is needed after {n} days. / Sick employees call the office in the morning.
remote work | May I work from home? / How many days of home office are there? / Is remote work possible? \
| Employees may work from home {n} days a week. / Home office is possible after the trial period. / Remote work has to be agreed with the team.
working hours | When does work begin? / What are the working hours? / How many hours a week do we work? \
| The week has {n} hours of work. / Core hours are from {h} to {h}. / Everybody starts between {h} and {h}.
expenses | How are travel costs paid back? / Where do I hand in my expenses? / Who pays for the hotel on a business trip? \
| Receipts for trips go to accounting. / Expenses are paid back within {n} days. / Hotel bills up to {n} euros are covered by the company.
salary | When is the salary paid? / On which day do I get my wages? / When does the money come? \
| Salaries are paid on day {n} of the month. / Wages are transferred at the end of the month. / The pay arrives before the {n}th.
meeting rooms | How do I book a meeting room? / Where can we meet? / Is room {n} free? \
| Meeting rooms are booked in the calendar. / A room can be reserved at the desk. / There are {n} rooms for meetings on the second floor.
new laptop | How do I get a new laptop? / My computer is too old. / Who gives me equipment? \
| New computers are ordered from the help desk. / Laptops are replaced every {n} years. / Equipment is handed out by the technical team.
backup | How often is the data saved? / Are there backups? / Can lost files be restored? \
| Backups are made every {n} hours. / Data is saved each night and kept for {n} days. / Deleted files can be restored for {n} days.
installation | How do I install the program? / What do I need to set it up? / How does the installation work? \
| Download the file and start it. / Setting up takes {n} minutes. / The installer guides you through every step.
requirements | What computer do I need? / How much memory does it use? / What are the system requirements? \
| The program needs {n} gigabytes of memory. / Any computer of the last {n} years is fast enough. / It runs on all common systems.
offline | Does it work without internet? / Can I use it offline? / Do I need a connection? \
| Everything works without a connection. / The program runs offline. / No internet is needed after the installation.
languages | Which languages are supported? / Is there a German version? / Can I change the language? \
| The program speaks {n} languages. / The language is chosen in the settings. / Texts are available in English and French.
data privacy | What happens to my data? / Do you sell my data? / Who sees what I write? \
| Your data stays on your own machine. / We never pass data on to others. / Personal data is deleted after {n} days.
"""


def _topic(line: str) -> Topic:
    name, asked, told = (part.strip() for part in line.split("|"))
    return Topic(name, tuple(text.strip() for text in asked.split("/")), tuple(text.strip() for text in told.split("/")))


TOPICS: Final = tuple(_topic(line) for line in _LINES.replace("\\\n", "").strip().splitlines())

_SYNONYMS: Final = """
buy/purchase big/large small/little begin/start end/finish fast/quick doctor/physician car/automobile repair/fix help/assist
job/profession cheap/inexpensive happy/glad sad/unhappy town/city child/kid present/gift photo/picture sick/ill shop/store
road/street house/home lift/elevator holiday/vacation film/movie sofa/couch bicycle/bike phone/telephone answer/reply error/mistake
choose/select build/construct get/receive send/mail keep/store speak/talk show/display look/watch close/shut
smart/clever brave/courageous calm/quiet tired/sleepy rich/wealthy angry/furious strange/odd beautiful/pretty rubbish/garbage
"""
SYNONYMS: Final = tuple(tuple(words.split("/")) for words in _SYNONYMS.split())
"""Words that can stand for each other."""

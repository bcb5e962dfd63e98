"""The words of the generated world: plain pools of strings, and the countries with what is true of them.

Every pool is a tuple, because :class:`tea_training.corpus.draw.Draw` remembers its halves by the pool itself. No pool has a
duplicate, and given names are plain ASCII, since e-mail addresses are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass


def _flat(text: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).split(", "))


FIRST_NAMES = _flat("""
Alice, Bob, Carol, David, Emma, Frank, Grace, Henry, Irene, Jack, Karen, Leo, Maria, Nathan, Olivia, Peter, Quinn, Rachel, Samuel, Tina,
Ursula, Victor, Wendy, Xavier, Yvonne, Zoe, Adam, Bella, Charles, Diana, Edward, Fiona, George, Hannah, Ivan, Julia, Kevin, Laura,
Michael, Nora, Oscar, Paula, Robert, Sarah, Thomas, Vera, William, Anna, Brian, Clara, Daniel, Elena, Felix, Gloria, Hugo, Isabel,
James, Kate, Liam, Mia, Noah, Otto, Priya, Raj, Sofia, Tom, Uma, Vikram, Walter, Yuki, Ahmed, Fatima, Omar, Layla, Chen, Mei, Hiro,
Sakura, Pablo, Lucia, Diego, Carmen, Pierre, Claire, Louis, Sophie, Hans, Greta, Klaus, Ingrid, Sven, Astrid, Lars, Freya, Marco,
Giulia, Luca, Chiara, Ana, Joao, Rita, Miguel, Ravi, Anita, Arjun, Deepa, Kofi, Ama, Jamal, Aisha, Tariq, Zara, Nina, Boris, Olga,
Dmitri, Irina, Pavel, Eva, Jonas, Marta, John, Mary, Ben, Lucy, Sam, Amy, Max, Lily, Dan, Ruth, Paul, Jane, Mark, Susan, Luke, Helen,
Alan, Joan, Eric, Rose, Fred, Alma, Kurt, Ella, Neil, Iris, Carl, Edith, Dean, June, Ryan, Holly, Sean, Molly, Ian, Penny, Keith,
Stella, Glenn, Violet, Amir, Nadia, Youssef, Salma, Kenji, Aiko, Minh, Linh, Kwame, Zainab, Mateo, Valeria, Bruno, Camila, Andre,
Beatriz, Oliver, Charlotte, Ethan, Amelia, Lucas, Harper, Mason, Evelyn, Logan, Abigail, Elijah, Emily, Aiden, Caleb, Scarlett, Isaac,
Madison, Owen, Chloe, Gavin, Naomi, Julian, Ruby, Levi, Alexa, Aaron, Sadie, Ezra, Piper, Theo, Hazel, Simon, Maya, Ada, Alex, Jordan,
Homer, Marge, Bart, Lisa, Margaret, Patricia, Linda, Barbara, Jennifer, Richard, Joseph, Steven, Andrew, Kenneth, Joshua, Nancy, Betty
""")

LAST_NAMES = _flat("""
Smith, Johnson, Brown, Garcia, Miller, Davis, Martinez, Lopez, Wilson, Anderson, Taylor, Moore, Jackson, Martin, Lee, Thompson, White,
Harris, Clark, Lewis, Young, Walker, Hall, Allen, King, Wright, Scott, Green, Baker, Adams, Nelson, Hill, Campbell, Mitchell, Roberts,
Carter, Phillips, Evans, Turner, Parker, Collins, Edwards, Stewart, Morris, Murphy, Cook, Rogers, Reed, Bailey, Bell, Kelly, Howard,
Ward, Cox, Richardson, Wood, Watson, Brooks, Bennett, Gray, Hughes, Price, Myers, Long, Foster, Powell, Russell, Ross, Novak, Kowalski,
Schmidt, Weber, Fischer, Rossi, Bianchi, Dubois, Moreau, Silva, Santos, Tanaka, Suzuki, Kim, Park, Wang, Singh, Patel, Kumar, Ali,
Hassan, Ivanov, Petrov, Jensen, Larsen, Berg, Lind, Lovelace, Hopper, Turing, Doe, Meyer, Keller, Vogel, Horvat, Costa, Ferrari, Okafor,
Mensah, Nakamura, Sato, Nguyen, Tran, Rahman, Haddad, Cohen, Levy, Murray, Grant, Stone, Fox, Marsh, Dalton, Hayes, Webb, Barnes
""")

CITIES = _flat("""
Paris, London, Berlin, Madrid, Rome, Tokyo, Boston, Chicago, Seattle, Denver, Austin, Dallas, Houston, Miami, Atlanta, Portland, Phoenix,
Toronto, Montreal, Vancouver, Sydney, Melbourne, Perth, Brisbane, Dublin, Oslo, Stockholm, Helsinki, Copenhagen, Vienna, Prague, Warsaw,
Budapest, Lisbon, Porto, Barcelona, Valencia, Seville, Milan, Naples, Turin, Venice, Florence, Munich, Hamburg, Cologne, Frankfurt,
Zurich, Geneva, Brussels, Amsterdam, Rotterdam, Lyon, Marseille, Nice, Bordeaux, Athens, Istanbul, Ankara, Cairo, Lagos, Nairobi, Accra,
Mumbai, Delhi, Bangalore, Karachi, Dhaka, Bangkok, Hanoi, Singapore, Jakarta, Manila, Seoul, Busan, Osaka, Kyoto, Beijing, Shanghai,
Lima, Bogota, Santiago, Quito, Havana, New York, Los Angeles, San Francisco, San Diego, New Orleans, Hong Kong, Cape Town, Buenos Aires,
Mexico City, Rio de Janeiro, Tel Aviv, Kuala Lumpur, Salt Lake City, Las Vegas, Leeds, Bristol, Glasgow, Edinburgh, Cardiff, Belfast,
Oxford, Cambridge, York, Bath, Manchester, Liverpool, Springfield, Riverside, Bergen, Malmo, Graz, Leipzig, Dresden, Bonn, Ghent, Utrecht
""")

COMPANIES = _flat("""
Acme, Globex, Initech, Umbra, Nova, Vertex, Zenith, Orion, Apex, Lumen, Quantum, Delta, Summit, Pioneer, Atlas, Beacon, Cobalt, Evergreen,
Falcon, Granite, Harbor, Ivory, Juniper, Keystone, Lotus, Maple, Nimbus, Onyx, Redwood, Sierra, Titan, Vista, Willow, Bluebird, Copper,
Driftwood, Ember, Northwind, Contoso, Fabrikam, Hooli, Lakeside, Meridian, Oakline, Polaris, Quarry, Riverton, Silverline, Tidewater
""")

COMPANY_KINDS = _flat("""
Corp, Inc, Labs, Systems, Group, Industries, Solutions, Foods, Motors, Robotics, Energy, Software, Bank, Logistics, Media, Health, Design,
Partners, Ltd, Airlines
""")

THINGS = _flat("""
book, pen, lamp, chair, table, phone, laptop, bag, watch, cup, bottle, key, umbrella, camera, bicycle, guitar, hat, coat, shoe, ring, box,
clock, mirror, knife, spoon, plate, pillow, blanket, candle, basket, notebook, printer, keyboard, monitor, mouse, headset, charger, cable,
desk, sofa, tent, ladder, hammer, drill, toaster, kettle, blender, vacuum, jacket, backpack, router, tablet, scarf, helmet, suitcase,
wallet, pencil, ruler, stapler, vase, curtain, carpet, shelf, mug, fork, bowl, pan, pot, brush, comb, towel, soap, glove, sock, belt,
tie, dress, shirt, racket, ball, kite, puzzle, drum, violin, flute, speaker, radio, fan, heater, battery, screwdriver, rope, bucket, broom
""")

MONTHS = _flat("January, February, March, April, May, June, July, August, September, October, November, December")
DAYS = _flat("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday")
DOMAINS = _flat("example.com, example.org, example.net, mail.com, mail.org, post.net, inbox.com, work.org, shop.example, home.net")

COLORS = _flat("""
red, blue, green, yellow, orange, purple, black, white, brown, pink, gray, gold, silver, teal, violet, crimson, navy, beige, turquoise,
maroon, olive, cream, indigo, scarlet
""")

FRUITS = _flat("""
apple, banana, cherry, grape, lemon, mango, melon, orange, peach, pear, plum, kiwi, lime, fig, papaya, apricot, coconut, strawberry,
blueberry, raspberry, pineapple, date, guava, nectarine
""")

ANIMALS = _flat("""
dog, cat, horse, cow, rabbit, fox, wolf, bear, lion, tiger, sheep, goat, pig, duck, owl, eagle, parrot, frog, turtle, snake, whale, shark,
hamster, mouse, camel, zebra, monkey, deer, penguin, otter, badger, beaver, donkey, goose, hen, swan, crow, seal, dolphin, octopus, bee,
ant, spider, lizard, giraffe, elephant, kangaroo, panda
""")

FOODS = _flat("""
pizza, pasta, soup, salad, bread, cheese, rice, curry, sushi, tacos, pancakes, chocolate, cake, cookies, burgers, sandwiches, noodles, steak,
yogurt, honey, waffles, lasagna, dumplings, omelettes, pie, porridge, stew, fish, beans, popcorn, olives, falafel
""")

JOBS = _flat("""
doctor, teacher, engineer, nurse, lawyer, chef, pilot, artist, writer, baker, shepherd, plumber, electrician, designer, manager, accountant,
librarian, scientist, musician, dentist, architect, journalist, carpenter, mechanic, photographer, programmer, analyst, gardener, translator,
judge, sailor, tailor, waiter, cashier, driver, painter, singer, actor, surgeon, firefighter, biologist, chemist, astronomer, mathematician,
historian, editor, consultant, developer, researcher, barber, butcher, florist, geologist, therapist
""")

HOBBIES = _flat("""
chess, painting, reading, running, swimming, cooking, gardening, hiking, cycling, fishing, dancing, singing, football, tennis, basketball,
yoga, photography, knitting, climbing, sailing, skiing, drawing, pottery, origami, surfing, rowing, baking, karate, archery, juggling
""")

ROOMS = _flat("""
kitchen, bedroom, garage, garden, office, basement, attic, bathroom, library, hallway, living room, dining room, balcony, cellar, workshop,
classroom, lobby, pantry, laundry room, conference room
""")

PLACES = _flat("""
on the table, under the bed, in the kitchen drawer, behind the door, on the shelf, in the garage, next to the lamp, in the blue box,
on the desk, under the sofa, in the top drawer, beside the window, in the car, inside the cabinet, near the entrance, in the backpack,
on the roof, in the fridge, behind the curtain, under the stairs
""")

DEPARTMENTS = _flat("""
sales, marketing, finance, engineering, support, billing, legal, research, design, operations, logistics, purchasing, training, security,
accounting, production, shipping, quality
""")

TOPICS = _flat("""
space, the ocean, winter, spring, autumn, summer, coffee, tea, music, cats, dogs, robots, computers, mountains, rivers, the moon, the sun,
stars, rain, snow, friendship, courage, time, dreams, trees, flowers, birds, books, trains, gardens, bread, night, morning, the city, home,
travel, code, databases, clouds, the wind, fire, bees, dragons, ships, school, numbers, color, silence, hope, wolves, chess, history,
science, art, health, sports, money, language, technology, machine learning, artificial intelligence, climate, energy, Python, Prolog
""")

GOOD_ADJECTIVES = _flat("""
great, wonderful, excellent, amazing, fantastic, lovely, perfect, brilliant, superb, delightful, awesome, outstanding, impressive, beautiful,
pleasant, enjoyable, terrific, charming, marvelous, incredible, reliable, friendly, helpful, delicious, comfortable, fast, smooth, stunning,
flawless, magnificent, polite, cozy, tasty, clean, elegant, remarkable
""")

BAD_ADJECTIVES = _flat("""
terrible, awful, horrible, bad, poor, disappointing, boring, broken, useless, dreadful, ugly, slow, rude, annoying, frustrating, disgusting,
unreliable, flimsy, defective, unpleasant, noisy, dirty, overpriced, mediocre, painful, confusing, worthless, faulty, miserable,
unacceptable, stale, clumsy, buggy, bland, filthy, misleading
""")

NEUTRAL_ADJECTIVES = _flat("average, ordinary, okay, acceptable, standard, typical, plain, usual, common, normal, moderate, adequate")

REVIEWED = _flat("""
movie, hotel, restaurant, product, service, phone, laptop, book, game, app, camera, concert, meal, room, staff, course, jacket, headset, show,
website, trip, pizza, coffee, delivery, support team, update, album, museum, flight, car, lecture, soup, guide, sofa, keyboard, tour, bakery,
gym, podcast, printer
""")


@dataclass(frozen=True, slots=True)
class Country:
    """A country; ``article`` is ``"the "`` where running text needs it. ``language`` is the most spoken official one."""

    name: str
    capital: str
    continent: str
    language: str
    currency: str
    article: str = ""

    @property
    def in_text(self) -> str:
        """The name as it stands inside a sentence: ``the Netherlands``."""
        return self.article + self.name


def _country(line: str) -> Country:
    name, capital, continent, language, currency = (part.strip() for part in line.split("|"))
    bare = name.removeprefix("the ")
    return Country(bare, capital, continent, language, currency, "the " if bare != name else "")


COUNTRIES = tuple(
    map(
        _country,
        """
France | Paris | Europe | French | euro
Germany | Berlin | Europe | German | euro
Italy | Rome | Europe | Italian | euro
Spain | Madrid | Europe | Spanish | euro
Portugal | Lisbon | Europe | Portuguese | euro
the United Kingdom | London | Europe | English | pound
Ireland | Dublin | Europe | English | euro
Norway | Oslo | Europe | Norwegian | krone
Sweden | Stockholm | Europe | Swedish | krona
Finland | Helsinki | Europe | Finnish | euro
Denmark | Copenhagen | Europe | Danish | krone
Iceland | Reykjavik | Europe | Icelandic | krona
Austria | Vienna | Europe | German | euro
Switzerland | Bern | Europe | German | franc
the Netherlands | Amsterdam | Europe | Dutch | euro
Belgium | Brussels | Europe | Dutch | euro
Luxembourg | Luxembourg | Europe | Luxembourgish | euro
Poland | Warsaw | Europe | Polish | zloty
the Czech Republic | Prague | Europe | Czech | koruna
Slovakia | Bratislava | Europe | Slovak | euro
Hungary | Budapest | Europe | Hungarian | forint
Romania | Bucharest | Europe | Romanian | leu
Bulgaria | Sofia | Europe | Bulgarian | euro
Greece | Athens | Europe | Greek | euro
Croatia | Zagreb | Europe | Croatian | euro
Serbia | Belgrade | Europe | Serbian | dinar
Slovenia | Ljubljana | Europe | Slovene | euro
Albania | Tirana | Europe | Albanian | lek
Estonia | Tallinn | Europe | Estonian | euro
Latvia | Riga | Europe | Latvian | euro
Lithuania | Vilnius | Europe | Lithuanian | euro
Ukraine | Kyiv | Europe | Ukrainian | hryvnia
Moldova | Chisinau | Europe | Romanian | leu
Malta | Valletta | Europe | Maltese | euro
Russia | Moscow | Europe | Russian | ruble
Turkey | Ankara | Asia | Turkish | lira
Georgia | Tbilisi | Asia | Georgian | lari
Armenia | Yerevan | Asia | Armenian | dram
Egypt | Cairo | Africa | Arabic | pound
Morocco | Rabat | Africa | Arabic | dirham
Algeria | Algiers | Africa | Arabic | dinar
Tunisia | Tunis | Africa | Arabic | dinar
Libya | Tripoli | Africa | Arabic | dinar
Nigeria | Abuja | Africa | English | naira
Kenya | Nairobi | Africa | Swahili | shilling
Uganda | Kampala | Africa | English | shilling
Ghana | Accra | Africa | English | cedi
Ethiopia | Addis Ababa | Africa | Amharic | birr
South Africa | Pretoria | Africa | Zulu | rand
Tanzania | Dodoma | Africa | Swahili | shilling
Senegal | Dakar | Africa | French | franc
Cameroon | Yaounde | Africa | French | franc
Angola | Luanda | Africa | Portuguese | kwanza
Mozambique | Maputo | Africa | Portuguese | metical
Zambia | Lusaka | Africa | English | kwacha
Namibia | Windhoek | Africa | English | dollar
Botswana | Gaborone | Africa | English | pula
Madagascar | Antananarivo | Africa | Malagasy | ariary
Rwanda | Kigali | Africa | Kinyarwanda | franc
Mali | Bamako | Africa | French | franc
Saudi Arabia | Riyadh | Asia | Arabic | riyal
the United Arab Emirates | Abu Dhabi | Asia | Arabic | dirham
Qatar | Doha | Asia | Arabic | riyal
Oman | Muscat | Asia | Arabic | rial
Jordan | Amman | Asia | Arabic | dinar
Lebanon | Beirut | Asia | Arabic | pound
Israel | Jerusalem | Asia | Hebrew | shekel
Iran | Tehran | Asia | Persian | rial
Iraq | Baghdad | Asia | Arabic | dinar
Afghanistan | Kabul | Asia | Persian | afghani
Kazakhstan | Astana | Asia | Kazakh | tenge
Uzbekistan | Tashkent | Asia | Uzbek | som
India | New Delhi | Asia | Hindi | rupee
Pakistan | Islamabad | Asia | Urdu | rupee
Bangladesh | Dhaka | Asia | Bengali | taka
Nepal | Kathmandu | Asia | Nepali | rupee
China | Beijing | Asia | Chinese | yuan
Japan | Tokyo | Asia | Japanese | yen
South Korea | Seoul | Asia | Korean | won
Thailand | Bangkok | Asia | Thai | baht
Vietnam | Hanoi | Asia | Vietnamese | dong
Laos | Vientiane | Asia | Lao | kip
Cambodia | Phnom Penh | Asia | Khmer | riel
Indonesia | Jakarta | Asia | Indonesian | rupiah
Malaysia | Kuala Lumpur | Asia | Malay | ringgit
the Philippines | Manila | Asia | Filipino | peso
Singapore | Singapore | Asia | English | dollar
Mongolia | Ulaanbaatar | Asia | Mongolian | tugrik
Australia | Canberra | Oceania | English | dollar
New Zealand | Wellington | Oceania | English | dollar
Fiji | Suva | Oceania | English | dollar
the United States | Washington | North America | English | dollar
Canada | Ottawa | North America | English | dollar
Mexico | Mexico City | North America | Spanish | peso
Cuba | Havana | North America | Spanish | peso
Jamaica | Kingston | North America | English | dollar
Guatemala | Guatemala City | North America | Spanish | quetzal
Honduras | Tegucigalpa | North America | Spanish | lempira
Costa Rica | San Jose | North America | Spanish | colon
Panama | Panama City | North America | Spanish | balboa
the Dominican Republic | Santo Domingo | North America | Spanish | peso
Brazil | Brasilia | South America | Portuguese | real
Argentina | Buenos Aires | South America | Spanish | peso
Chile | Santiago | South America | Spanish | peso
Peru | Lima | South America | Spanish | sol
Colombia | Bogota | South America | Spanish | peso
Ecuador | Quito | South America | Spanish | dollar
Venezuela | Caracas | South America | Spanish | bolivar
Uruguay | Montevideo | South America | Spanish | peso
Paraguay | Asuncion | South America | Guarani | guarani
""".strip().splitlines(),
    )
)

CONTINENTS = _flat("Europe, Africa, Asia, Oceania, North America, South America")
LANGUAGES = tuple(dict.fromkeys(country.language for country in COUNTRIES))
CURRENCIES = tuple(dict.fromkeys(country.currency for country in COUNTRIES))
CAPITALS = tuple(country.capital for country in COUNTRIES)

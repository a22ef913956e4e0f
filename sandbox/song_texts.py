"""The texts of the invented songs: lyrics and style tags."""

from __future__ import annotations

from typing import NamedTuple


class Sheet(NamedTuple):
    """One song text: style tags as they stand on a track, and lyrics with their section labels."""

    tags: str
    lyrics: str


SHEETS: dict[str, Sheet] = {
    "quay": Sheet(
        "sea shanty pop, accordion, warm alto, handclaps",
        """[Verse]
Lanterns swing where the ropes are tied
Gulls keep the time for the evening tide
You wave from the end of the wooden pier
Small as a match and twice as clear
[Chorus]
Leave one light for the boat coming in
Leave one song where the waves begin
I will be home when the kettle sings
Salt on my sleeves and tar on my strings""",
    ),
    "kitchen": Sheet(
        "bossa nova, nylon guitar, hushed tenor, brushed drums",
        """[Verse]
Flour on the radio, moon on the tiles
You hum the bass line and measure by smiles
Somebody's clock is a minute too slow
Nobody minds while the dough has to grow
[Chorus]
Stay till the crust turns gold
Stay till the coffee is cold
The street is asleep and the windows are blue
And morning is made here for two""",
    ),
    "kite": Sheet(
        "indie folk, ukulele, bright soprano, whistling",
        """[Verse]
Paper and glue and a borrowed string
Grandmother's scarf for the tail of the thing
We ran down the hill with our shoes untied
Counting to three for the wind to decide
[Chorus]
Higher than chimneys, higher than rain
Higher than anyone spelling my name
Hold on to nothing and never let go
All of the town is a carpet below""",
    ),
    "winter": Sheet(
        "chamber pop, felt piano, cello, breathy mezzo",
        """[Verse]
Snow on the roof of the library bus
Somebody's window still glowing for us
I turned up my collar and whistled your tune
The road gave me back half a cinnamon moon
[Chorus]
Winter, go easy on me
I carry a garden nobody can see
Under the ice there is green after all
And a door left ajar in the wall""",
    ),
    "tram": Sheet(
        "synth pop, analog bass, cool baritone, neon pads",
        """[Verse]
Last tram glides through a tunnel of rain
Everyone's face in the same window pane
Somebody laughs at a joke on the phone
And nobody here is entirely alone
[Chorus]
Ring the bell at the end of the line
Your stop is a little bit further than mine
Ride with me under the wires and the stars
Two silver tickets and twenty guitars""",
    ),
    "bell": Sheet(
        "toy piano waltz, playful alto",
        """[Chorus]
Ring once for hello
Ring twice, let me go""",
    ),
    "slate": Sheet("ambient, slow piano, soft strings, no vocals", ""),
}
"""The song texts by name. `slate` is an instrumental: no lyrics."""

"""The parts of a card that shows one track: its cover, what is known of it, and its sound."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from kie import Track
from studio.facade import the_studio
from studio.people.token_store import Account
from studio.song import allowed_media, track_verdict
from views.shared import times


def source(account: Account, address: str) -> str | bytes:
    """Return what a media element may be given for an address: itself, the bytes behind it, or nothing."""
    if allowed_media.is_public_https(address):
        return address
    ours = allowed_media.is_stand_in(address, the_studio().token_store.base_url(account.id))
    return _fetched(address) if ours else b""


def hosts(account: Account, track: Track) -> list[str]:
    """Return the hosts from which the cover and the sound would be loaded."""
    base_url = the_studio().token_store.base_url(account.id)
    found = (each for each in (track.image_url, track.audio_url) if allowed_media.may_be_loaded(each, base_url))
    return sorted({urlsplit(each).netloc for each in found})


def cover(account: Account, track: Track, width: int | None = None) -> None:
    """Show the cover, as wide as its place or so many pixels wide, or a sign in its place."""
    image = source(account, track.image_url)
    if not image:
        st.markdown(":material/album:", width="auto" if width is None else "content")
    elif width is None:
        st.image(image, width="stretch")
    else:
        with st.container(width=width):  # asked for this width itself, Streamlit would make the image coarse
            st.image(image, width="stretch")


def facts(track: Track) -> None:
    """Show the title, the length and the model."""
    st.text(track.title or "Untitled")
    st.text(" · ".join(part for part in (times.length(track.duration), track_verdict.model(track)) if part))


def sound(account: Account, track: Track, *, player: bool = True) -> None:
    """Show the player, unless it is elsewhere on the page, or say why there is none."""
    found = source(account, track.audio_url)
    if found and player:
        st.audio(found, format="audio/wav" if isinstance(found, bytes) else "audio/mpeg")
    elif track.audio_url and not found:
        st.caption("Its address is not one that this page may play.")


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _fetched(address: str) -> bytes:
    return allowed_media.fetch(address)

"""Out and in: the library as a file, files into the library, and forgetting an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from studio.exceptions import BadFile
from studio.facade import NotSaved, the_studio
from studio.library import export_files
from studio.people.token_store import Account
from studio.song.single_flight import SingleFlight
from views.library import attempt_actions, search_list
from views.shared import downloads, uploads, visitor
from views.shared.elements import button
from views.shared.screen_state import Import, state

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from studio.library.import_merge import Preview

MANY = 10_000
"""Attempts that take so long to write that the page says so."""
_imports = SingleFlight()
"""A second click while a file is brought in waits for the first, and gets its number."""


def show(account: Account) -> None:
    """Offer the files, the way back in, and the end of an account."""
    out, into, end = st.tabs(
        [":material/upload: Take out", ":material/download: Bring in", ":material/delete_forever: Forget this account"]
    )
    with out:
        _out(account)
    with into:
        _in(account)
    with end:
        _forget(account)


def _out(account: Account) -> None:
    query = search_list.current_query()
    st.caption(
        "What the list above shows now, all its pages. The CSV is for spreadsheets; the JSON Lines keep everything."
    )
    with st.container(horizontal=True):
        downloads.button(
            "Download CSV",
            "library_csv",
            "personas.csv",
            "text/csv",
            ":material/table:",
            account,
            lambda: export_files.csv_file(the_studio().library, account.id, query),
        )
        downloads.button(
            "Download JSON",
            "library_json",
            "personas.jsonl",
            "application/x-ndjson",
            ":material/data_object:",
            account,
            lambda: export_files.json_file(the_studio().library, account.id, query),
        )


def _in(account: Account) -> None:
    st.caption(
        "A file from here, or any CSV with the columns persona_id, name, description, task_id, audio_id. "
        "Nothing is written before you have seen what it would change, and nothing is sent to KIE."
    )
    coming = state(Import, account)
    if coming.done:
        st.success(coming.done, icon=":material/check_circle:")
    if coming.problem:
        st.error(coming.problem, icon=":material/error:")
        st.text(coming.details)
    key = _uploader(account, coming)
    file = st.file_uploader(
        "File",
        key=key,
        type=["csv", "jsonl", "json", "txt"],
        on_change=visitor.for_this_account(_another_file),
        args=(coming, coming.uploads),
    )
    if file is None:
        coming.previewed = None
        return
    try:
        if coming.previewed is None or coming.previewed[0] != file.file_id:
            coming.previewed = (file.file_id, _preview_of(file, account))
    except BadFile as error:
        st.error("This file cannot be taken in. Nothing was written.", icon=":material/error:")
        st.text("\n".join(error.problems))
        return
    _preview(coming.previewed[1], key)


def _preview_of(file: UploadedFile, account: Account) -> Preview:
    from studio.library import import_merge, import_reader

    library = the_studio().library
    with st.spinner("Reading the file …"), uploads.content(file) as content:
        bar = st.empty()
        preview = import_merge.preview_import(
            library,
            account.id,
            import_reader.File(content, library.now()),
            lambda done: bar.progress(min(done / len(content), 1.0)),
        )
        bar.empty()
    return preview


def _uploader(account: Account, coming: Import) -> str:
    return f"library_file_{account.id}_{coming.uploads}"


def _preview(preview: Preview, file_key: str) -> None:
    new, same, different = st.columns(3)
    new.metric("New", f"{preview.new:,}")
    same.metric("Here already", f"{preview.same:,}")
    different.metric("Different here", f"{preview.different:,}")
    if preview.on_their_way:
        st.caption(f"{preview.on_their_way:,} were still on their way when the file was made; they are left out.")
    if preview.kept:
        attempts = "1 attempt" if preview.kept == 1 else f"{preview.kept:,} attempts"
        st.caption(
            f"For {attempts} the file has another name, text or outcome than what was sent from here, or what KIE "
            "gave. That stays as it is here, whatever the file says."
        )
    if preview.different:
        st.caption("These are here with other content:")
        st.dataframe(
            [
                {"Where": conflict.place, "Column": name, "Here": str(here or ""), "In the file": str(there or "")}
                for conflict in preview.first_conflicts
                for name, (here, there) in conflict.differs.items()
            ],
            hide_index=True,
            height="content" if preview.different < 4 else 200,
            alt="What differs between the library and the file",
        )
        if preview.different > len(preview.first_conflicts):
            st.caption(f"The first {len(preview.first_conflicts)} of {preview.different:,} different ones.")
        st.checkbox(
            "Take over the file’s version of what is listed here; what stood here is kept in the story",
            key="library_overwrite",
        )
    if preview.new:
        st.caption("These are new:")
        st.dataframe(
            [
                {
                    "Where": record.place,
                    "Outcome": record.values["status"],
                    "Name": record.values.get("name", ""),
                    "Persona ID": record.values.get("persona_id", ""),
                }
                for record in preview.first_new
            ],
            hide_index=True,
            height="content" if preview.new < 6 else 250,
            alt="What would be new in the library",
        )
        if preview.new > len(preview.first_new):
            st.caption(f"The first {len(preview.first_new)} of {preview.new:,} new ones.")
    changes = preview.new + (preview.different if st.session_state.get("library_overwrite") else 0)
    if changes:
        if changes > MANY:
            st.caption("So many take some minutes. This page answers again when they are in; leave it open.")
        button(f"Bring in {changes:,}", "library_import", "library_add", _import, file_key, type="primary")
    elif preview.different:
        st.info("Nothing is new. Tick the box above to take over what differs.", icon=":material/info:")
    else:
        st.info("Nothing to bring in: all of it is here already.", icon=":material/check:")


def _import(file_key: str) -> None:
    from studio.library import import_merge, import_reader

    account = visitor.account()
    if account is None:
        return
    coming, library, author = state(Import, account), the_studio().library, visitor.author()
    if file_key != _uploader(account, coming):
        return  # another account's, or the second half of a double click
    overwrite, file = bool(st.session_state.get("library_overwrite")), st.session_state[file_key]
    taken = coming.uploads

    def write() -> int:
        with uploads.content(file) as content:
            records = import_reader.File(content, library.now())
            return import_merge.import_records(library, account.id, records, overwrite, author, records.order)

    _forget_last(coming)
    try:
        written = _imports.once((file.file_id, overwrite), write, keep=0)
    except BadFile as error:
        coming.problem, coming.details = "This file cannot be taken in.", "\n".join(error.problems)
    except NotSaved as error:
        coming.problem = error.sentence("brought in")
    else:
        coming.done = f"{written:,} brought in."
        uploads.forget(file)
    coming.previewed = None
    coming.uploads = taken + 1  # an empty uploader


def _another_file(coming: Import, uploads: int) -> None:
    if uploads == coming.uploads:  # not an uploader that is gone, which a late click brings back
        _forget_last(coming)


def _forget_last(coming: Import) -> None:
    coming.done = coming.problem = coming.details = ""


def _forget(account: Account) -> None:
    st.markdown(
        "This erases every attempt of this account from this program’s database, for good: IDs, texts, notes, stories. "
        "Take them out first. At KIE nothing changes."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Type the account’s 12 characters to confirm",
            key="forget_account",
            max_chars=100,
            placeholder=account.id,
            width=320,
        )
        button("Forget this account", "forget", "delete_forever", attempt_actions.forget)
    attempt_actions.trouble(account, "forget")

"""A visitor of the built page."""

PATIENCE = 60_000  # milliseconds
SHORT = {"octaves": 2, "iterations": 2, "seed": 7, "channel": "", "max_size": 512}


class Visitor:
    """A visitor of the page: gives files, sets fields, and has it dream."""

    def __init__(self, page):
        self.page = page

    def give(self, field, *paths):
        """Chooses files, and waits until the page has taken them."""
        self.page.set_input_files(f"#{field}", [str(path) for path in paths])
        self.page.wait_for_timeout(50)
        self.page.locator("body:not([aria-busy])").wait_for()

    def fault(self):
        return self.page.inner_text("#fault")

    def begin(self, **fields):
        """Fills in the fields, and begins a dream."""
        self.page.evaluate("document.getElementById('more').open = true")
        for name, value in {**SHORT, **fields}.items():
            self.page.fill(f"#{name.replace('_', '-')}", str(value))
        self.page.click("#dream")
        self.page.wait_for_timeout(50)

    def dream(self, **fields):
        """Dreams, and waits for the end."""
        self.begin(**fields)
        self.page.locator("body:not([aria-busy])").wait_for()

    def download(self, path):
        """The dream, as a file."""
        with self.page.expect_download() as started:
            self.page.click("#download")
        started.value.save_as(path)
        return str(path)

"""The pages in a real browser: with and without JavaScript, wide and narrow, without a word on the console."""

import pytest
from poll import wait_for
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

CUSTOMER, DRIVER = "447700900101", "447700900201"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


class Chromium:
    def __init__(self, folder, javascript):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={folder}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not javascript:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        service = webdriver.chrome.service.Service("/usr/bin/chromedriver", log_path=f"{folder}.log")
        self.driver = webdriver.Chrome(service=service, options=options)

    def narrow(self, width=375):
        """The width of the page itself, which a window cannot have."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False})

    def wide(self):
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def all(self, selector, inside=None):
        return (inside or self.driver).find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, inside=None):
        """Shown, and in time."""
        return wait_for(lambda: self._shown(selector, inside), 10, selector)

    def says(self, words, selector="body", inside=None):
        wait_for(lambda: words in self._text(selector, inside), 10, words)

    def _shown(self, selector, inside):
        """None, too, where the page is just being left."""
        try:
            return next((e for e in self.all(selector, inside) if e.is_displayed()), None)
        except WebDriverException:
            return None

    def _text(self, selector, inside):
        try:
            return self.one(selector, inside).text
        except WebDriverException:
            return ""

    def metrics(self):
        """Of the page's layout; asked of the browser, since the page may have no JavaScript."""
        return self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})

    def check(self):
        """Fits at any width, and nobody complained."""
        for width in (375, 1280):
            self.narrow(width)
            got = self.metrics()
            assert got["cssContentSize"]["width"] <= got["cssLayoutViewport"]["clientWidth"] == width
        self.wide()
        assert self.driver.get_log("browser") == []


@pytest.fixture(scope="module", name="browser", params=[True, False], ids=["javascript", "no-javascript"])
def a_browser(request, tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("chromium"), request.param)
    yield browser
    browser.driver.quit()


def sign_in(browser, deployment, path="/"):
    browser.driver.get(deployment.url + path)
    if browser.driver.find_elements("id", "signin_form"):
        browser.one("#signin-name").send_keys("admin")
        browser.one("#signin-password").send_keys(deployment.secret("admin-password"))
        browser.driver.get_log("browser")  # says that the page was a 401
        browser.one("#signin_form button").click()
        browser.one(".top nav")


def test_console(browser, deployment):
    """A ride is made, looked at and ended by hand."""
    sign_in(browser, deployment)
    browser.check()
    before = len(deployment.listed("rides"))
    Select(browser.one("#ride-customer")).select_by_value("1")
    Select(browser.one("#ride-driver")).select_by_value("1")
    browser.one("#ride-start").send_keys("Dam 1")
    browser.one("#ride_form button").click()
    browser.says("This field is needed.", "#ride-destination-bad")
    assert browser.one("#ride-start").get_attribute("value") == "Dam 1"
    browser.one("#ride-destination").send_keys("Schiphol")
    picker = browser.one("#ride-datetime")
    picker.send_keys("05062031")
    picker.send_keys("\ue004")  # Tab: on to the time
    picker.send_keys("0730AM")
    browser.driver.get_log("browser")  # the refused form's status stands there
    browser.one("#ride_form button").click()
    browser.says("The ride is made; both phones get their notice.")
    browser.check()
    rides = deployment.listed("rides")
    assert len(rides) == before + 1 and rides[0]["datetime"] == "2031-05-06T07:30"
    browser.one(".ride a").click()
    browser.says(rides[0]["proxy"])
    browser.check()
    browser.one("#end_form button").click()
    browser.says("The ride is ended.")
    assert deployment.listed("rides")[0]["state"] == "grace"
    browser.check()


def test_other_pages(browser, deployment):
    for path in ("/customers/1", "/drivers/1"):
        sign_in(browser, deployment, path)
        browser.one("#edit-name")
        browser.check()


def test_which_number_two_would_get(browser, deployment):
    """From the first page, and from a ride's; nothing is given."""
    ride = deployment.ride(3, 3)
    before = deployment.listed("numbers")
    sign_in(browser, deployment)
    Select(browser.one("#why-customer")).select_by_value("3")
    Select(browser.one("#why-driver")).select_by_value("1")
    browser.one("#why_form button").click()
    browser.says("One more ride of these two would get")
    browser.says("Would be given", ".reasons .chosen")
    browser.check()
    sign_in(browser, deployment, f"/rides/{ride['id']}")
    browser.one("a[href$='/why']").click()
    browser.says("As it stands now")
    browser.says(ride["proxy"])
    browser.check()
    assert deployment.listed("numbers") == before


def test_a_message_that_could_not_be_sent(browser, deployment):
    """It is found from the first page, sent again, and arrives."""
    mark = deployment.sandbox.last()
    ride = deployment.ride(1, 1)
    deployment.sandbox.wait_texts(2, mark)
    deployment.sandbox.fault("422", recipient=DRIVER)
    for text in ("I wear a green hat", "Never mind"):
        deployment.sandbox.text(CUSTOMER, ride["proxy"], text)
    wait_for(lambda: len(deployment.listed("messages", state="dead")) == 2, what="the letters")
    deployment.sandbox.fault("ok")
    sign_in(browser, deployment)
    browser.says("2 messages could not be sent.", ".notice.warn")
    browser.check()
    browser.one(".notice.warn a").click()
    browser.says("The provider refused it for good.", ".letter")
    browser.check()
    browser.all(".letter button")[2].click()  # the older one stands below
    browser.says("The message is on its way again.")
    assert deployment.sandbox.wait_text(DRIVER, "I wear a green hat", mark)
    browser.one("details summary").click()
    browser.one("#drop_all button").click()
    browser.says("The messages are dropped.")
    browser.says("None at this moment")
    browser.check()
    assert deployment.listed("messages", state="dead") == []


@pytest.fixture(name="phones")
def two_phones(request, browser, deployment):
    """The sandbox's page, with the customer's phone and the driver's."""
    if "no-javascript" in request.node.name:
        pytest.skip("the sandbox's page is made of JavaScript")
    mark = deployment.sandbox.last()
    ride = deployment.ride(2, 2)
    deployment.sandbox.wait_texts(2, mark)
    browser.driver.get(f"{deployment.sandbox.http.url}/?phones=447700900102,447700900202")
    customer, driver = wait_for(lambda: len(browser.all(".phone")) == 2 and browser.all(".phone"), what="two phones")
    return ride, customer, driver


def test_masked_conversation(browser, phones):
    """What is written on one is read on the other, under the proxy number; so with a call."""
    ride, customer, driver = phones
    number = ride["proxy"][1:]
    for phone in (customer, driver):
        assert browser.one(".who strong", phone).text.replace(" ", "")[1:] == number
    browser.one("textarea", customer).send_keys("I wear a green hat")
    browser.one(".compose button", customer).click()
    browser.says("I wear a green hat", ".log", driver)
    browser.one("textarea", driver).send_keys("Two minutes")
    browser.one(".compose button", driver).click()
    browser.says("Two minutes", ".log", customer)
    browser.check()
    browser.one(".ring", customer).click()
    assert browser.one(".call-number", driver).text.replace(" ", "")[1:] == number
    browser.one(".accept", driver).click()
    browser.says("Masked", ".call-mask", driver)
    browser.one(".decline", customer).click()
    assert "447700900102" not in driver.text.replace(" ", "").replace(browser.one("h3", driver).text, "")
    browser.check()

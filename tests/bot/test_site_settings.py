"""[sites.NAME]: what a site says, what it has from the first, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import Settings, read_settings
from bot.sites import site_template
from trailwatch.errors import ConfigError

ROLE = "arn:aws:iam::111122223333:role/trailwatch-run"


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "trailwatch.toml"
    file.write_text(text)
    return read_settings(environ, file)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return "\n".join(caught.value.problems)


def test_the_first_site_alone_is_what_the_environment_says() -> None:
    (site,) = read_settings(
        {
            "TRAILWATCH_SITE": "prod",
            "AWS_REGION": "eu-west-1",
            "SLACK_CHANNEL": "C1",
            "TRAILWATCH_SETUP_ROLE_ARN": ROLE,
        }
    ).sites
    assert (site.name, site.region, site.channel) == ("prod", "eu-west-1", "C1")
    assert (site.pack, site.prefix, site.account) == ("walkthrough", "trailwatch", "111122223333")
    assert site.setup_role == (ROLE, "")


def test_a_site_has_what_it_says_and_else_what_the_first_has(tmp_path: Path) -> None:
    first, stage = read(
        tmp_path,
        f"""
        [site]
        name = "prod"
        offices = ["203.0.113.0/24"]
        [sites.prod]
        pack = "recommended"
        [sites.stage]
        region = "eu-central-1"
        role_arn = "{ROLE}"
        external_id = "one-of-a-kind"
        channel = "C2"
        deploy_roles = ["deploy", "release-*"]
        """,
        SLACK_CHANNEL="C1",
        OPSGENIE_TEAM="ops",
        AWS_REGION="eu-west-1",
    ).sites
    assert (first.name, first.pack, first.channel) == ("prod", "recommended", "C1")
    assert (stage.name, stage.pack, stage.channel) == ("stage", "walkthrough", "C2")
    assert (stage.region, stage.account) == ("eu-central-1", "111122223333")
    assert stage.setup_role == (ROLE, "one-of-a-kind")
    assert stage.offices == ("203.0.113.0/24",)
    assert stage.deploy_roles == ("deploy", "release-*")
    assert (stage.opsgenie_team, stage.largest_instance) == ("ops", "4xlarge")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sites.stage]\nregoin = 'eu-west-1'", "sites.stage.regoin: no such setting; did you me"),
        ("[sites.stage]\nrole_arn = 'trailwatch'", "sites.stage.role_arn is 'trailwatch': must be"),
        ("[sites.Stage_1]\nprefix = 'stage'", "sites.Stage_1: a name has"),
        ("[sites.main]\nregion = 'eu-west-1'", "main is the first site; say aws.region"),
        ("[sites.stage]\nregion = 'eu-west-1'", "give one of them another prefix"),
        ("[sites.stage]\nprefix = 'trailwatch-two'", "'trailwatch-two' begins like 'trailwatch'"),
        (
            f"[site]\nname = 'a-b'\n[sites.b]\nprefix = 'trailwatch-a'\nrole_arn = '{ROLE}'",
            "choose another name",
        ),
        ("[sites.stage]\nprefix = 'No'", "sites.stage.prefix is 'No'"),
        ("[sites]\nstage = 1", "sites.stage: must be a table"),
        (
            f"[sites.stage]\nrole_arn = '{ROLE}'\n"
            "setup_role_arn = 'arn:aws:iam::123456789012:role/setup'",
            "are of two accounts, 111122223333 and 123456789012",
        ),
    ],
    ids=[
        "key",
        "role",
        "name",
        "first",
        "same account",
        "like",
        "called alike",
        "prefix",
        "no table",
        "torn",
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_two_regions_of_one_account_need_two_prefixes(tmp_path: Path) -> None:
    text = "[sites.frankfurt]\nregion = 'eu-central-1'\nprefix = 'frankfurt'"
    _, other = read(tmp_path, text).sites
    assert (other.region, other.prefix, other.account) == ("eu-central-1", "frankfurt", "")


def test_options_are_seeded_by_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        """
        [site]
        name = "prod"
        [site.options]
        retention_days = 731
        kms = "own"
        insights = true
        data_events = ["s3:payroll", "lambda"]
        [sites.stage]
        prefix = "stage"
        [sites.stage.options]
        retention_days = 30
        """,
    )
    first, stage = (site_template(settings, site) for site in settings.sites)
    assert (first.retention_days, first.kms, first.insights) == (731, "own", True)
    assert first.data_events == ("s3:payroll", "lambda")
    assert (stage.retention_days, stage.kms) == (30, ""), "options are not inherited"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[site.options]\nretention_days = 45", "the nearest is"),
        ("[site.options]\nretention = 400", "Did you mean retention_days"),
        ("[site.options]\noffices = '203.0.113.7'", "say site.offices"),
        ("[site.options]\npack = 'cis'", "site.options.pack"),
        ("[site]\noptions = 3", "must be a table"),
        ("[site.options]\nexpire_after_days = 30", "does not fit archive_after_days"),
        ("[sites.main.options]\nkms = 'own'", "say site.options"),
        ("[sites.stage.options]\nkms = 'mine'", "sites.stage.options.kms"),
    ],
)
def test_an_option_that_cannot_be_is_told(tmp_path: Path, text: str, part: str) -> None:
    assert part in refused(tmp_path, text)

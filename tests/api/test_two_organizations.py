"""Two organizations that do whatever they like: neither ever sees a trace of the other."""

from typing import Any

import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from api.client import Client
from api.photos import red_box
from api.running import found
from api.server import RunningApi
from shop import Shop

WHO = st.sampled_from(["acme", "globex"])
# Every list of the API, and what names the things in it.
LISTS = {
    "/api/v1/keys": "keyId",
    "/api/v1/jobs": "jobId",
    "/api/v1/integrations": "integrationId",
    "/api/v1/invites": "inviteId",
    "/api/v1/publishes": "publishId",
}
SINGLE = ("/api/v1/keys", "/api/v1/jobs", "/api/v1/integrations", "/api/v1/publishes")


class TwoOrganizations(RuleBasedStateMachine):
    """What each made is remembered; what each is shown is held against it."""

    def __init__(self, api: RunningApi, session: requests.Session, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.clients: dict[str, Client] = {}
        self.made: dict[str, dict[str, set[str]]] = {}
        self.outputs: dict[str, list[str]] = {}
        for who in ("acme", "globex"):
            org = found(api.settings, who)
            self.clients[who] = Client(api.base_url, session, org.secret)
            # What it was founded with: a key, and the invite of its first owner.
            self.made[who] = {path: self._shown(who, path) for path in LISTS}
            assert self.made[who]["/api/v1/keys"] == {str(org.key_id)}
            self.outputs[who] = []

    @rule(who=WHO)
    def make_a_key(self, who: str) -> None:
        body = {"name": f"Of {who}", "scopes": ["files:read"]}
        self._make(who, "/api/v1/keys", body)

    @rule(who=WHO)
    def invite(self, who: str) -> None:
        self._make(who, "/api/v1/invites", {"role": "viewer"})

    @rule(who=WHO)
    def connect_a_shop(self, who: str) -> None:
        body = {
            "kind": "amazon-bridge",
            "name": f"Shop of {who}",
            "settings": {"url": self.shop.url},
            "credentials": {"secret": self.shop.secret},
        }
        if not self.made[who]["/api/v1/integrations"]:  # it matters not whether the other has it
            self._make(who, "/api/v1/integrations", body)
        else:
            assert self.clients[who].post("/api/v1/integrations", json=body).status_code == 409

    @rule(who=WHO)
    def process(self, who: str) -> None:
        data = {"width": "64", "height": "64"}
        answer = self.clients[who].post("/api/v1/process", files={"image": red_box()}, data=data)
        output = answer.json()["output"]
        assert output["outputId"] not in self.outputs[other(who)]
        self.outputs[who].append(output["outputId"])
        listed = self.clients[who].get("/api/v1/jobs", params={"limit": 200}).json()["data"]
        self.made[who]["/api/v1/jobs"].update(job["jobId"] for job in listed)
        mine = {self._outputs_of(job) for job in listed}
        assert not mine & set(self.outputs[other(who)])

    @rule(who=WHO, path=st.sampled_from(SINGLE))
    def ask_for_what_is_the_others(self, who: str, path: str) -> None:
        for public_id in self.made[other(who)][path]:
            assert self.clients[who].get(f"{path}/{public_id}").status_code == 404

    @rule(who=WHO)
    def use_an_output_of_the_other(self, who: str) -> None:
        for output_id in set(self.outputs[other(who)]):
            paths = ("", "/content")
            answers = [self.clients[who].get(f"/api/v1/outputs/{output_id}{p}") for p in paths]
            again = self.clients[who].post("/api/v1/upscale", json={"outputId": output_id})
            assert [answer.status_code for answer in (*answers, again)] == [404, 404, 404]

    @rule(who=WHO)
    def revoke_a_key_of_the_other(self, who: str) -> None:
        for key_id in self.made[other(who)]["/api/v1/keys"]:
            answer = self.clients[who].post(f"/api/v1/keys/{key_id}/revoke")
            assert answer.status_code == 404

    @invariant()
    def each_list_holds_what_its_organization_made(self) -> None:
        for who in self.clients:
            for path in LISTS:
                assert self._shown(who, path) == self.made[who][path], path

    def _shown(self, who: str, path: str) -> set[str]:
        page = self.clients[who].get(path, params={"limit": 200}).json()
        shown = {one[LISTS[path]] for one in page["data"]}
        assert page["page"]["total"] == len(shown)
        return shown

    def _make(self, who: str, path: str, body: dict[str, Any]) -> None:
        answer = self.clients[who].post(path, json=body)
        assert answer.status_code == 201, answer.text
        self.made[who][path].add(answer.json()[LISTS[path]])

    @staticmethod
    def _outputs_of(job: dict[str, Any]) -> str | None:
        return next((output["outputId"] for output in job["outputs"]), None)


def other(who: str) -> str:
    return "globex" if who == "acme" else "acme"


def test_neither_ever_sees_a_trace_of_the_other(api: RunningApi, shop_server: Shop) -> None:
    shop_server.reopen(products=1)
    thorough = settings(
        max_examples=8,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    with requests.Session() as session:
        run_state_machine_as_test(
            lambda: TwoOrganizations(api, session, shop_server), settings=thorough
        )

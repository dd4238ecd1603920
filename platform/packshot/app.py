"""The web application: Quart with the declared endpoints and pages, and nothing else."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from quart import Quart, Response, request

from packshot.admin import (
    account,
    api_access,
    identities,
    resets,
    sign_in,
    start,
    studio,
    studio_rules,
    team,
)
from packshot.admin import activity as activity_page
from packshot.admin import catalog as catalog_pages
from packshot.admin import integrations as integration_pages
from packshot.admin import jobs as job_pages
from packshot.admin import keys as keys_page
from packshot.admin import outputs as output_pages
from packshot.admin import publish as publish_pages
from packshot.admin import publishes as publishes_pages
from packshot.admin import settings as settings_page
from packshot.admin import teams as team_pages
from packshot.admin.shell.running import Pages
from packshot.api import (
    activity,
    audit,
    catalog,
    compliance,
    describe,
    errors,
    events,
    health,
    integrations,
    job_events,
    jobs,
    keys,
    leaked_keys,
    limits,
    members,
    organization,
    outputs,
    pictures,
    publishes,
    rulesets,
    teams,
    trials,
    usage,
    webhook_secret,
    whoami,
)
from packshot.edge.bodies import PulledRequest, PullingConnection
from packshot.edge.dispatch import install
from packshot.edge.gate import Gate
from packshot.edge.guard import Guard
from packshot.edge.limiter import Limiter
from packshot.edge.openapi import openapi_document
from packshot.edge.postman import postman_collection
from packshot.edge.proxies import TrustedProxies
from packshot.edge.spool import spool_of, sweep_spool
from packshot.edge.state import ServingState

if TYPE_CHECKING:
    from packshot.wiring import Services

STATE = "packshot.state"

ENDPOINTS = (
    pictures.process,
    pictures.upscale,
    pictures.generate_background,
    pictures.relight,
    compliance.check_compliance,
    rulesets.list_rulesets,
    rulesets.find_ruleset,
    jobs.create_job,
    jobs.find_job,
    jobs.list_jobs,
    jobs.list_items,
    job_events.watch_job,
    jobs.cancel_job,
    jobs.retry_job,
    outputs.find_output,
    outputs.read_content,
    publishes.create_publish,
    publishes.list_publishes,
    publishes.find_publish,
    publishes.find_diff,
    publishes.roll_back_publish,
    publishes.retry_publish,
    publishes.verify_publish,
    whoami.whoami,
    limits.read_limits,
    usage.read_usage,
    integrations.connect_integration,
    integrations.list_integrations,
    integrations.find_integration,
    integrations.rename_integration,
    integrations.disconnect_integration,
    integrations.test_integration,
    integrations.rotate_credentials,
    integrations.sync_integration,
    catalog.list_catalog,
    catalog.find_catalog_item,
    activity.list_activity,
    events.list_events,
    audit.export_log,
    audit.verify_log,
    audit.list_checkpoints,
    audit.read_public_key,
    keys.create_key,
    keys.list_keys,
    keys.find_key,
    keys.change_key,
    keys.rotate_key,
    keys.revoke_key,
    keys.adopt_key,
    leaked_keys.revoke_leaked_key,
    organization.find_organization,
    organization.rename_organization,
    members.list_members,
    members.find_member,
    members.change_member,
    members.remove_member,
    members.list_invites,
    members.create_invite,
    members.withdraw_invite,
    teams.list_teams,
    teams.create_team,
    teams.find_team,
    teams.rename_team,
    teams.delete_team,
    teams.list_team_members,
    teams.put_team_member,
    teams.remove_team_member,
    webhook_secret.read_webhook_secret,
    webhook_secret.rotate_webhook_secret,
    describe.read_openapi,
    describe.read_postman,
    health.healthz,
    health.readyz,
    errors.read_error_page,
)

# Without a key, where settings.public_api is on; see api/trials.py.
TRIALS = (
    trials.try_process,
    trials.try_upscale,
    trials.try_background,
    trials.try_relight,
    trials.try_compliance,
)

PAGES = (
    start.start,
    start.look_at_organization,
    sign_in.ask_sign_in,
    sign_in.sign_in,
    sign_in.sign_out,
    sign_in.ask_join,
    sign_in.join,
    account.show_account,
    account.change_password,
    account.end_session,
    account.end_others,
    identities.begin_sign_in,
    identities.begin_join,
    identities.begin_link,
    identities.begin_proof,
    identities.come_back,
    identities.unlink,
    resets.ask_forgot,
    resets.forgot,
    resets.ask_reset,
    resets.reset,
    resets.offer,
    team.show_team,
    team.invite,
    team.withdraw,
    team.change_role,
    team.remove,
    team.leave,
    team.create_team,
    team_pages.show_team,
    team_pages.rename_team,
    team_pages.delete_team,
    team_pages.put_member,
    team_pages.remove_member,
    settings_page.show_settings,
    settings_page.rename_organization,
    settings_page.close_organization,
    studio.show_studio,
    studio.render,
    studio_rules.judge_output,
    output_pages.read_output,
    job_pages.show_jobs,
    job_pages.show_job,
    job_pages.cancel_job,
    job_pages.retry_job,
    keys_page.show_keys,
    keys_page.ask_new_key,
    keys_page.create_key,
    keys_page.ask_change,
    keys_page.edit_key,
    keys_page.adopt_key,
    keys_page.rotate_key,
    keys_page.revoke_key,
    activity_page.show_activity,
    activity_page.show_event,
    api_access.show_api_access,
    integration_pages.show_integrations,
    integration_pages.connect_shop,
    integration_pages.show_integration,
    integration_pages.show_sync,
    integration_pages.sync_shop,
    integration_pages.test_shop,
    integration_pages.rename_shop,
    integration_pages.rotate_credentials,
    integration_pages.disconnect_shop,
    catalog_pages.show_catalog,
    catalog_pages.show_item,
    catalog_pages.read_picture,
    publish_pages.choose,
    publish_pages.review,
    publish_pages.publish,
    publishes_pages.show_publishes,
    publishes_pages.download_publishes,
    publishes_pages.show_publish,
    publishes_pages.verify_publish,
    publishes_pages.retry_publish,
    publishes_pages.review_undo,
    publishes_pages.undo_publish,
    publishes_pages.read_picture,
)


class Application(Quart):
    """Quart with pulled bodies, exact paths and a plain answer to OPTIONS."""

    request_class = PulledRequest
    asgi_http_class = PullingConnection

    def __init__(self) -> None:
        super().__init__("packshot", static_folder=None)
        self.url_map.merge_slashes = False  # /api//v1 is another address, not a redirect in HTML
        self.url_map.strict_slashes = True

    async def make_default_options_response(self) -> Response:
        """Answer which methods an address knows; preflights are answered by the guard."""
        adapter = request.routing_exception is None and request.url_rule
        methods = sorted(adapter.methods) if adapter and adapter.methods else []
        response = Response(b"", 204, {"allow": ", ".join(methods)})
        del response.headers["content-type"]
        return response


def create_app(services: "Services") -> Quart:
    """The application on these services; it opens its limiter and closes it after serving."""
    app = Application()
    settings = services.settings
    limiter = Limiter.connect(
        settings.redis_url,
        answer_within_s=settings.limiter_answer_within_s,
        processes=settings.api_processes,
    )
    endpoints = (*ENDPOINTS, *TRIALS) if settings.public_api else ENDPOINTS
    document = openapi_document(endpoints)
    state = ServingState(limiter, document, postman_collection(document))
    state.on_drain.append(services.jobs.endings.give_up)
    app.extensions[STATE] = state
    gate = Gate(services.keys, services.key_uses, limiter, places=state.places)
    pages = Pages(services, state, gate=gate)
    pages.install(app, PAGES)
    install(app, endpoints, services=services, state=state, gate=gate, stray_page=pages.refuse)
    settings = services.settings
    proxies = TrustedProxies(settings.trusted_proxies, settings.forwarded_header.encode())
    app.asgi_app = Guard(app.asgi_app, proxies)  # type: ignore[method-assign, assignment] # Quart's way to wrap itself

    @app.before_serving
    async def prepare_spool() -> None:
        sweep_spool(spool_of(settings.storage_dir))

    @app.while_serving
    async def tell_key_uses_and_renew_places() -> AsyncGenerator[None, None]:
        telling = asyncio.create_task(services.key_uses.keep_telling())
        renewing = asyncio.create_task(state.places.keep_renewing())
        yield
        for task in (telling, renewing):
            task.cancel()
        await asyncio.wait([telling, renewing])

    @app.after_serving
    async def close_limiter() -> None:
        await limiter.close()

    return app

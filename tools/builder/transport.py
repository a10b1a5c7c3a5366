"""How requests are sent: address, credentials, errors, pages, and how many a minute."""

from collections.abc import Sequence

from tools.builder.nodes import ref
from tools.builder.ours import Json, Parts

HOST = "https://app.asana.com"
BASE = f"{{{{ config.get('api_url') or '{HOST}/api/1.0' }}}}"
# Of portfolios. Asana wants to hear of one, unless a service account asks.
OWNER = "{{ config.get('portfolio_owner', 'me') | replace('all', '') }}"
PAGE_SIZE = 100
# Longer than Asana's minute, as requests arrive later than the CDK counts them.
WINDOW = "PT62S"
REQUESTS_PER_MINUTE, SEARCHES_PER_MINUTE = 1500, 60
IN_FLIGHT, MOST_IN_FLIGHT = 10, 40

NO_SEARCH = (
    ". Choose listing for change_detection, or 150 for requests_per_minute on a free plan: every "
    "task is asked for its attachments then."
)
_MESSAGE = "((response.get('errors') or [{}])[0].message or '')"
_ERROR = f"Asana answered: {{{{ {_MESSAGE} }}}}"


def address(path: str, fields: Sequence[str] = ()) -> str:
    """Return the address of a path, with what to ask for.

    As a parameter of its own the list of fields is parsed as Python code at each request: half
    a millisecond, and Python 3.11 fails in the middle of it now and then (gh-106905).
    """
    return BASE + path + (f"?opt_fields={','.join(fields)}" if fields else "")


def definitions(headers: Parts) -> Json:
    """Return the definitions that every stream shares.

    Args:
        headers: of every request.
    """
    return {
        "authenticator": _authenticator(),
        "handler": _handler("RETRY", is_strict=False),
        # Whoever sees no workspace has to hear of it: nothing is left out here.
        "strict_handler": _handler("RETRY", is_strict=True),
        "parent_handler": _handler("REDUCE_PAGE_SIZE", is_strict=False),
        "strict_parent_handler": _handler("REDUCE_PAGE_SIZE", is_strict=True),
        "search_handler": _handler("REDUCE_PAGE_SIZE", is_strict=True, advice=NO_SEARCH),
        "requester": {
            "type": "HttpRequester",
            "http_method": "GET",
            "authenticator": ref("authenticator"),
            "request_headers": dict(headers),
            "error_handler": ref("handler"),
            "connect_timeout_in_seconds": 10,
            "read_timeout_in_seconds": 120,
        },
        "pages": _pages({}),
        "pages_until_empty": _pages({"stop_condition": "{{ last_page_size == 0 }}"}),
        "one_page": _pages({"stop_condition": "{{ true }}"}),
        "restart": {"type": "PaginationReset", "action": "RESET"},
        # Answers to parents are cached, a body that was cut as well: only another page size gets
        # another answer.
        "smaller_page": {
            "type": "PageSizeReduction",
            "reset_policy": "AFTER_SUCCESSFUL_PAGE",
            "minimum_page_size": 1,
            "max_attempts": 6,
        },
        "records": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
        },
        "first_record": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data", "0"]},
        },
    }


def _authenticator() -> Json:
    return {
        "type": "SelectiveAuthenticator",
        "authenticator_selection_path": ["credentials", "option_title"],
        "authenticators": {
            "PAT Credentials": {
                "type": "BearerAuthenticator",
                "api_token": "{{ config['credentials']['personal_access_token'] }}",
            },
            "OAuth Credentials": {
                "type": "OAuthAuthenticator",
                "token_refresh_endpoint": f"{HOST}/-/oauth_token",
                "grant_type": "refresh_token",
                "client_id": "{{ config['credentials']['client_id'] }}",
                "client_secret": "{{ config['credentials']['client_secret'] }}",
                "refresh_token": "{{ config['credentials']['refresh_token'] }}",
            },
        },
    }


def _handler(when_cut: str, *, is_strict: bool, advice: str = "") -> Json:
    """Return an error handler; the first filter that matches decides.

    Args:
        when_cut: action for a body that is not whole: without one, the CDK takes it for an empty
            page.
        is_strict: whether a refusal fails the stream.
        advice: what to do then.
    """
    skip = {
        "type": "HttpResponseFilter",
        "http_codes": [402, 403, 404],
        "action": "IGNORE",
        "error_message": f"Left out. {_ERROR}",
    }
    restart = _when("'pagination token' in " + _MESSAGE, "RESET_PAGINATION")
    filters = [
        {"type": "HttpResponseFilter", "http_codes": [424, 429], "action": "RATE_LIMITED"},
        {
            "type": "HttpResponseFilter",
            "http_codes": [408, 409, 425, 500, 501, 502, 503, 504],
            "action": "RETRY",
        },
        _when("'bearer token has expired' in " + _MESSAGE, "REFRESH_TOKEN_THEN_RETRY"),
        # The first page of a parent comes from the cache, with the same expired token.
        *([restart] if when_cut == "RETRY" else []),
        {
            "type": "HttpResponseFilter",
            "http_codes": [400, 401, 402, 403, 404, 412, 451],
            "action": "FAIL",
            "failure_type": "config_error",
            "error_message": _ERROR + advice,
        },
        _when("'data' not in response", when_cut),
    ]
    return {
        "type": "DefaultErrorHandler",
        "max_retries": 10,
        "backoff_strategies": [
            {"type": "WaitTimeFromHeader", "header": "Retry-After"},
            {"type": "ExponentialBackoffStrategy", "factor": 1},
        ],
        "response_filters": filters if is_strict else [skip, *filters],
    }


def _when(condition: str, action: str) -> Json:
    predicate = f"{{{{ {condition} }}}}"
    return {"type": "HttpResponseFilter", "predicate": predicate, "action": action}


def _pages(more: Parts) -> Json:
    option = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DefaultPaginator",
        "page_size_option": {**option, "field_name": "limit"},
        "page_token_option": {**option, "field_name": "offset"},
        "pagination_strategy": {
            "type": "CursorPagination",
            "page_size": PAGE_SIZE,
            "cursor_value": "{{ (response.next_page or {}).offset }}",
            **more,
        },
    }


def budget() -> Json:
    """Return the request budget of all streams together.

    One policy alone counts a request: what all are allowed leaves room for the searches.
    """
    allowed = f"(config.get('requests_per_minute') or {REQUESTS_PER_MINUTE})"
    return {
        "type": "HTTPAPIBudget",
        "policies": [
            _policy(f"{SEARCHES_PER_MINUTE * 5 // 6}", "/tasks/search$"),
            _policy(f"{{{{ [1, {allowed} * 24 // 25] | max }}}}", ""),
        ],
    }


def _policy(limit: str, path: str) -> Json:
    matcher = {"type": "HttpRequestRegexMatcher", "method": "GET"}
    return {
        "type": "MovingWindowCallRatePolicy",
        "rates": [{"type": "Rate", "limit": limit, "interval": WINDOW}],
        "matchers": [{**matcher, "url_path_pattern": path} if path else matcher],
    }


def concurrency() -> Json:
    """Return how many requests may be in flight; Asana allows 50."""
    return {
        "type": "ConcurrencyLevel",
        "default_concurrency": f"{{{{ config.get('num_workers') or {IN_FLIGHT} }}}}",
        "max_concurrency": MOST_IN_FLIGHT,
    }

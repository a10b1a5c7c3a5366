from hashlib import blake2b

import orjson


def tagger(volatile):
    def norm(v):
        if isinstance(v, dict):
            return {k: norm(x) for k, x in v.items() if x is not None}
        if isinstance(v, list):
            out=[norm(x) for x in v]
            if out and isinstance(out[0], dict) and "gid" in out[0]: out.sort(key=lambda x: x.get("gid",""))
            return out
        return v
    def tag(r):
        d={k: norm(v) for k,v in r.items() if v is not None and k not in volatile and k not in ("synced_at",)}
        return int.from_bytes(blake2b(orjson.dumps(d, option=orjson.OPT_SORT_KEYS), digest_size=4).digest(), "big") or 1
    return tag

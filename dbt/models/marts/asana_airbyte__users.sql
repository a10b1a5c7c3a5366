select gid as user_gid, name, email, synced_at
from {{ ref('stg_asana_airbyte__users') }}

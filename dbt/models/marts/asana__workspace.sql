select gid as workspace_id, name, is_organization, synced_at
from {{ ref('stg_asana__workspace') }}

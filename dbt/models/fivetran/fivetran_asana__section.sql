{{ config(alias='section') }}
select section_gid as id, created_at, name, project_gid as project_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__sections') }}

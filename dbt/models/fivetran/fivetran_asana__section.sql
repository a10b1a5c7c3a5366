{{ config(alias='section') }}
select section_id as id, created_at, name, project_id as project_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__section') }}

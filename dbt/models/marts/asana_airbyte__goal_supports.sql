{#- What a goal is supported by: other goals, projects, tasks, portfolios. -#}
select
  gid as relationship_gid,
  coalesce({{ asana_airbyte.json_text('supported_goal', 'gid') }}, goal_id) as goal_gid,
  {{ asana_airbyte.json_text('supporting_resource', 'gid') }} as supporting_gid,
  {{ asana_airbyte.json_text('supporting_resource', 'resource_type') }} as supporting_type,
  {{ asana_airbyte.json_text('supporting_resource', 'name') }} as supporting_name,
  resource_subtype,
  contribution_weight,
  synced_at
from {{ ref('stg_asana_airbyte__goal_relationships') }}
where {{ asana_airbyte.is_known('goal_id', 'stg_asana_airbyte__goals', 'gid', ['goals']) }}
  and coalesce({{ asana_airbyte.json_text('supporting_resource', 'gid') }}, '') not in (
    select gid from {{ ref('stg_asana_airbyte__deleted_tasks') }}
  )

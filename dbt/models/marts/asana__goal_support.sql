{#- What a goal is supported by: other goals, projects, tasks, portfolios. -#}
select
  gid as relationship_id,
  coalesce({{ asana_airbyte.json_text('supported_goal', 'gid') }}, goal_id) as goal_id,
  {{ asana_airbyte.json_text('supporting_resource', 'gid') }} as supporting_id,
  {{ asana_airbyte.json_text('supporting_resource', 'resource_type') }} as supporting_type,
  {{ asana_airbyte.json_text('supporting_resource', 'name') }} as supporting_name,
  resource_subtype,
  contribution_weight,
  synced_at
from {{ ref('stg_asana__goal_relationship') }}
where {{ asana_airbyte.is_known('goal_id', 'stg_asana__goal', 'gid', ['goals']) }}
  and {{ asana_airbyte.is_there(
    asana_airbyte.json_text('supporting_resource', 'resource_type'), asana_airbyte.json_text('supporting_resource', 'gid')
  ) }}

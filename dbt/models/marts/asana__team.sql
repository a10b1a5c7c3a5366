{#- A task in two projects of a team counts once. -#}
with placed as (
  select distinct projects.team_id, memberships.task_id
  from {{ ref('asana__task_membership') }} as memberships
  inner join {{ ref('asana__project') }} as projects on projects.project_id = memberships.project_id
  where projects.team_id is not null
),

numbers as (
  select
    placed.team_id,
    {{- asana_airbyte.task_number_sums() }}
  from placed
  inner join {{ ref('asana__task') }} as tasks on tasks.task_id = placed.task_id
  group by placed.team_id
)

select
  teams.gid as team_id,
  teams.name,
  teams.description,
  teams.visibility,
  coalesce({{ asana_airbyte.json_text('teams.organization', 'gid') }}, teams.workspace_id) as workspace_id,
  teams.permalink_url,
  {{- asana_airbyte.task_number_columns() }}
  teams.synced_at
from {{ ref('stg_asana__team') }} as teams
left join numbers on numbers.team_id = teams.gid

{#- Stays of tasks in sections of projects that are there. A view where that will do: the
    rows are in int_asana__project_stay, which is incremental. -#}
{{ config(materialized=asana_airbyte.view_or_table()) }}
select
  task_id || '-' || coalesce(project_id, 'unknown') || '-' || began_with as time_in_section_id,
  task_id,
  project_id,
  section_id,
  section_name,
  entered_at,
  left_at,
  is_current,
  {{ asana_airbyte.seconds_between('entered_at', 'left_at') }} as seconds
from {{ ref('int_asana__project_stay') }}
where section_id is not null
  and (project_id is null or {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }})

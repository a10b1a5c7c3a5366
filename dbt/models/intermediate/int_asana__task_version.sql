{#- A number that changes, but for chance, whenever a task, the stories of its changes, or the projects of their
    sections do, and numbers from all its stories. A table, as four models compare with it; one pass over the stories
    for both. -#}
{%- set numbers = {
  'comment_count': "sum(case when stories.type = 'comment' then 1 else 0 end)",
  'first_assigned_at': "min(case when stories.resource_subtype = 'assigned' then stories.created_at end)",
  'last_assigned_at': "max(case when stories.resource_subtype = 'assigned' then stories.created_at end)",
  'assigned_count': "sum(case when stories.resource_subtype = 'assigned' then 1 else 0 end)",
  'due_date_change_count': "sum(case when stories.resource_subtype = 'due_date_changed' then 1 else 0 end)",
  'reopened_count': "sum(case when stories.resource_subtype = 'marked_incomplete' then 1 else 0 end)"
} -%}
with told as (
  select
    stories.task_id,
    sum(case when stories.type = 'system' then {{ asana_airbyte.row_hash(['stories.story_id', 'stories.synced_at', 'stories.extracted_at']) }} end) as changes
    {%- for name, number in numbers.items() %},
    {{ number }} as {{ name }}
    {%- endfor %}
  from {{ ref('asana__story') }} as stories
  group by stories.task_id
),

placed as (
  select
    moves.task_id,
    sum({{ asana_airbyte.row_hash(['moves.story_id', 'new_places.project_id', 'old_places.project_id']) }}) as places
  from {{ ref('asana__story') }} as moves
  left join {{ ref('int_asana__section_project') }} as new_places
    on new_places.section_id = moves.new_section_id
  left join {{ ref('int_asana__section_project') }} as old_places
    on old_places.section_id = moves.old_section_id
  where moves.resource_subtype = 'section_changed'
  group by moves.task_id
)

select
  tasks.task_id,
  {{ asana_airbyte.row_hash(['tasks.synced_at', 'tasks.extracted_at', 'told.changes', 'placed.places']) }} as task_version
  {%- for name in numbers %},
  told.{{ name }}
  {%- endfor %}
from {{ ref('stg_asana__task') }} as tasks
left join told on told.task_id = tasks.task_id
left join placed on placed.task_id = tasks.task_id

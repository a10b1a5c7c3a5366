{#- A text that changes whenever a task, its stories, or the projects of their sections do, and numbers from its
    stories. A table, as four models compare with it; one pass over the stories for both. -#}
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
    count(*) as story_count,
    min(stories.story_id) as first_story,
    max(stories.story_id) as last_story,
    min(stories.synced_at) as first_synced,
    max(stories.synced_at) as last_synced,
    sum({{ asana_airbyte.seconds_between(asana_airbyte.long_ago(), 'stories.synced_at') }}) as sum_synced,
    count(new_places.project_id) as new_places,
    min(new_places.project_id) as first_new_place,
    max(new_places.project_id) as last_new_place,
    count(old_places.project_id) as old_places
    {%- for name, number in numbers.items() %},
    {{ number }} as {{ name }}
    {%- endfor %}
  from {{ ref('asana__story') }} as stories
  left join {{ ref('int_asana__section_project') }} as new_places
    on new_places.section_id = stories.new_section_id
  left join {{ ref('int_asana__section_project') }} as old_places
    on old_places.section_id = stories.old_section_id
  group by stories.task_id
)

select
  tasks.task_id,
  {#- Parts one after the other; what is null counts as empty. #}
  {%- for part in ['tasks.synced_at', 'tasks.extracted_at', 'told.story_count', 'told.first_story', 'told.last_story',
    'told.first_synced', 'told.last_synced', 'told.sum_synced', 'told.new_places', 'told.first_new_place',
    'told.last_new_place', 'told.old_places'] %}
  coalesce({{ asana_airbyte.as_kind(part, 'text') }}, '') {{ "|| '/' ||" if not loop.last else 'as task_version' }}
  {%- endfor %}
  {%- for name in numbers %},
  told.{{ name }}
  {%- endfor %}
from {{ ref('stg_asana__task') }} as tasks
left join told on told.task_id = tasks.task_id

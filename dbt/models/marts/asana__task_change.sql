{#- What changed about tasks, from their stories. A story of new dates may tell of three fields. Incremental by
    task: who was assigned before is told by the story before. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__task_version'), 'task_id', ['task_version']) }}"
) }}
{%- set no_text = asana_airbyte.as_kind('null', 'text') -%}
{#- Subtype -> field, value before and after. -#}
{%- set subtypes = {
  'marked_complete': ('completed', "'false'", "'true'"),
  'marked_incomplete': ('completed', "'true'", "'false'"),
  'assigned': ('assignee', no_text, 'assignee_id'),
  'unassigned': ('assignee', 'assignee_id', no_text),
  'name_changed': ('name', 'old_name', 'new_name'),
  'added_to_project': ('project', no_text, 'project_id'),
  'removed_from_project': ('project', 'project_id', no_text),
  'section_changed': ('section', 'old_section_id', 'new_section_id'),
  'added_to_tag': ('tag', no_text, 'tag_id'),
  'removed_from_tag': ('tag', 'tag_id', no_text),
  'follower_added': ('follower', no_text, 'follower_id'),
  'dependency_added': ('dependency', no_text, 'dependency_id'),
  'dependency_removed': ('dependency', 'dependency_id', no_text),
  'notes_changed': ('notes', no_text, no_text),
  'resource_subtype_changed': ('resource_subtype', 'old_resource_subtype', 'new_resource_subtype'),
  'approval_status_changed': ('approval_status', 'old_approval_status', 'new_approval_status')
} -%}
with stories as (
  select
    {%- for column in ['story_id', 'task_id', 'resource_subtype', 'created_at', 'created_by_id', 'project_id', 'old_section_id',
      'old_section_name', 'new_section_id', 'new_section_name', 'assignee_id', 'follower_id', 'tag_id', 'dependency_id',
      'custom_field_id', 'custom_field_name', 'old_custom_field_value', 'new_custom_field_value', 'old_name', 'new_name',
      'old_resource_subtype', 'new_resource_subtype', 'old_approval_status', 'new_approval_status', 'old_due_on',
      'new_due_on', 'old_due_at', 'new_due_at', 'old_start_on', 'new_start_on'] %}
    told.{{ column }},
    {%- endfor %}
    newest.task_version
  from {{ ref('asana__story') }} as told
  inner join {{ asana_airbyte.missing_rows(ref('int_asana__task_version'), 'task_id') }} as newest on newest.task_id = told.task_id
  where told.type = 'system'
),

changes as (
  select
    stories.*,
    case
      {%- for subtype, change in subtypes.items() %}
      when resource_subtype = '{{ subtype }}' then '{{ change[0] }}'
      {%- endfor %}
      else 'custom_field'
    end as field,
    case
      {%- for subtype, change in subtypes.items() %}
      when resource_subtype = '{{ subtype }}' then {{ change[1] }}
      {%- endfor %}
      else old_custom_field_value
    end as old_value,
    case
      {%- for subtype, change in subtypes.items() %}
      when resource_subtype = '{{ subtype }}' then {{ change[2] }}
      {%- endfor %}
      else new_custom_field_value
    end as new_value
  from stories
  where resource_subtype in ({% for subtype in subtypes %}'{{ subtype }}'{{ ', ' if not loop.last }}{% endfor %})
    or resource_subtype like '%custom_field_changed'
  {%- for field in ['due_on', 'due_at', 'start_on'] %}
  union all
  select
    stories.*,
    '{{ field }}' as field,
    {{ asana_airbyte.as_kind('old_' ~ field, 'text') }} as old_value,
    {{ asana_airbyte.as_kind('new_' ~ field, 'text') }} as new_value
  from stories
  where resource_subtype = 'due_date_changed'
    and coalesce({{ asana_airbyte.as_kind('old_' ~ field, 'text') }}, '')
    <> coalesce({{ asana_airbyte.as_kind('new_' ~ field, 'text') }}, '')
  {%- endfor %}
),

numbered as (
  select
    changes.*,
    lag(new_value) over (
      partition by task_id, field order by created_at, length(story_id), story_id
    ) as value_before
  from changes
)

select
  numbered.story_id || '-' || numbered.field as task_change_id,
  numbered.task_id,
  numbered.story_id,
  numbered.field,
  numbered.custom_field_id,
  numbered.custom_field_name,
  case
    when numbered.resource_subtype = 'assigned' then numbered.value_before
    else numbered.old_value
  end as old_value,
  numbered.new_value,
  case
    when numbered.field = 'project' then numbered.project_id
    when numbered.field = 'section'
      then coalesce(numbered.project_id, new_places.project_id, old_places.project_id)
  end as project_id,
  case when numbered.field = 'section' then numbered.old_section_name end as old_section_name,
  case when numbered.field = 'section' then numbered.new_section_name end as new_section_name,
  numbered.created_at as changed_at,
  numbered.created_by_id as changed_by_id,
  numbered.task_version
from numbered
left join {{ ref('int_asana__section_project') }} as new_places
  on new_places.section_id = numbered.new_section_id
left join {{ ref('int_asana__section_project') }} as old_places
  on old_places.section_id = numbered.old_section_id

{#- Tracked time of a person, week and project. -#}
select
  coalesce(user_id, 'none') || '-' || coalesce(project_id, 'none') || '-' || {{ asana_airbyte.as_kind(asana_airbyte.monday('entered_on'), 'text') }} as time_by_week_id,
  user_id,
  max(user_name) as user_name,
  project_id,
  {{ asana_airbyte.monday('entered_on') }} as week_starting_on,
  count(*) as entry_count,
  count(distinct task_id) as task_count,
  sum(duration_minutes) as duration_minutes,
  sum(case when billable_status = 'billable' then duration_minutes else 0 end) as billable_minutes
from {{ ref('asana__time_entry') }}
where entered_on is not null
group by user_id, project_id, {{ asana_airbyte.monday('entered_on') }}
